import pg from 'pg';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { textMigrations } from '../../src/platform/text/schema.ts';
import { type Projection, schemaOf } from '../../src/projections/projection.ts';
import { waiting } from '../../src/projections/projection-client.ts';
import { createTestDatabase } from '../support/postgres.ts';

export type Tables = Record<string, Record<string, unknown>[]>;

/** Read models of a spec, in a database of their own. */
export interface Bench {
  /** What the tables hold after a fresh projection has been given these batches, one after another. */
  project(projection: Projection, ...batches: (readonly RecordedEvent[])[]): Promise<Tables>;
  /** The same where nobody reads it before it has all of them. */
  make(projection: Projection, ...batches: (readonly RecordedEvent[])[]): Promise<Tables>;
  close(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.connectionString });
  await client.connect();
  for (const { sql } of textMigrations) await client.query(sql);
  await client.query(`set timezone = 'UTC'`);
  const made = new Map<string, string[]>();
  const empty = async (projection: Projection) => {
    const schema = schemaOf({ ...projection, generation: 1 });
    if (!made.has(schema)) {
      await client.query(`create schema ${schema}; set search_path = ${schema}; ${projection.tables} ${projection.indexes ?? ''}`);
      made.set(schema, await tableNames(client, schema));
    }
    await client.query(
      `set search_path = ${schema}; ${made
        .get(schema)!
        .map((table) => `delete from ${table};`)
        .join(' ')}`,
    );
    return schema;
  };
  return {
    async project(projection, ...batches) {
      const schema = await empty(projection);
      for (const batch of batches) await projection.apply(batch, waiting(client));
      return readTables(client, schema);
    },
    async make(projection, ...batches) {
      const schema = await empty(projection);
      for (const batch of batches) await projection.apply(batch, waiting(client), false);
      await client.query('begin');
      await projection.complete?.(waiting(client));
      await client.query('commit');
      return readTables(client, schema);
    },
    async close() {
      await client.end();
      await database.drop();
    },
  };
}

/** Every row of every table of a schema, in an order that does not depend on how they were written. */
export async function readTables(client: Pick<pg.ClientBase, 'query'>, schema: string): Promise<Tables> {
  const tables: Tables = {};
  for (const table_name of await tableNames(client, schema)) {
    const { rows } = await client.query(`select to_jsonb(t) - 'search' as row from ${schema}.${table_name} t order by to_jsonb(t)::text`);
    tables[table_name] = rows.map(({ row }) => row);
  }
  return tables;
}

async function tableNames(client: Pick<pg.ClientBase, 'query'>, schema: string): Promise<string[]> {
  const { rows } = await client.query('select table_name from information_schema.tables where table_schema = $1 order by 1', [schema]);
  return rows.map(({ table_name }) => table_name);
}
