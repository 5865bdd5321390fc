import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom, to as copyTo } from 'pg-copy-streams';
import { listing } from '../../src/projections/listing/listing.ts';

const generated = ['search'];

/**
 * Copies the rows of a listing into new tables just like its own, indexes included, by COPY, and drops them again. The rows are in memory
 * when the clock starts. @returns seconds
 */
export async function copyListing(pool: pg.Pool, source: string): Promise<number> {
  const target = 'copied';
  const client = await pool.connect();
  try {
    await client.query(
      `create schema ${target}; set search_path = ${target}; set synchronous_commit = off; ${listing.tables} ${listing.indexes}`,
    );
    const { rows: tables } = await client.query<{ name: string; columns: string }>(
      `select table_name as name, string_agg(quote_ident(column_name), ', ' order by ordinal_position) as columns
       from information_schema.columns where table_schema = $1 and column_name <> all($2) group by 1`,
      [source, generated],
    );
    const texts: { name: string; columns: string; text: Buffer }[] = [];
    for (const table of tables)
      texts.push({
        ...table,
        text: await buffer(client.query(copyTo(`copy (select ${table.columns} from ${source}.${table.name}) to stdout`))),
      });
    const since = performance.now();
    await client.query('begin');
    for (const { name, columns, text } of texts)
      await pipeline(Readable.from([text]), client.query(copyFrom(`copy ${name} (${columns}) from stdin`)));
    await client.query('commit');
    return (performance.now() - since) / 1000;
  } finally {
    await client.query(`rollback; drop schema if exists ${target} cascade`).catch(() => {});
    client.release(true);
  }
}
