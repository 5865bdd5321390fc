import { type RawBuilder, sql } from 'kysely';
import type { ReadTables } from '../read-tables.ts';

/** A position of the log, in decimal digits: what was then is asked for. */
export type AsOf = string;

/** Whether a version was the one of that position. */
export function validAt(alias: string, asOf: AsOf): RawBuilder<unknown> {
  const version = sql.raw(alias);
  return sql`${version}.valid_from <= ${asOf}::bigint and (${version}.valid_to is null or ${version}.valid_to > ${asOf}::bigint)`;
}

/** The words of what was said then. No index has them: they are looked for in what the reader may see. */
export function pastText({ words, commentVersions }: ReadTables, asOf: AsOf) {
  const vector = (weight: string, text: string) => sql`setweight(to_tsvector('simple', ${words}(${sql.raw(text)})), ${sql.lit(weight)})`;
  return {
    words: sql`(${vector('A', 't.title')} || ${vector('B', 't.tags')} || ${vector('C', 't.description')})`,
    comments: sql`(select v.task_id, v.standing, to_tsvector('simple', ${words}(v.content)) as search
      from ${commentVersions} v where ${validAt('v', asOf)})`,
  };
}
