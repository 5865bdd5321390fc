import { type RawBuilder, sql } from 'kysely';
import type { ReadTables } from '../read-tables.ts';

/** A position of the log, in decimal digits: what was then is asked for. */
export type AsOf = string;

/** Whether a version was the one of that position. */
export function validAt(alias: string, asOf: AsOf): RawBuilder<unknown> {
  const version = sql.raw(alias);
  return sql`${version}.valid_from <= ${asOf}::bigint and (${version}.valid_to is null or ${version}.valid_to > ${asOf}::bigint)`;
}

/** The version of one task at that position, found from behind: of those before it nothing is read. */
export function versionAt(versions: RawBuilder<unknown>, id: RawBuilder<unknown>, asOf: AsOf): RawBuilder<unknown> {
  return sql`(select * from ${versions} v where v.id = ${id} and v.valid_from <= ${asOf}::bigint order by v.valid_from desc limit 1)`;
}

/**
 * The time at that position: whatever existed then was created no later. Before the first event the time is `-infinity`, because a
 * comparison with null would be neither true nor false.
 */
export function timeAt({ moments }: ReadTables, asOf: AsOf): RawBuilder<unknown> {
  return sql`coalesce((select m.effective_at from ${moments} m where m.position <= ${asOf}::bigint order by m.position desc limit 1),
    '-infinity'::timestamptz)`;
}

/**
 * The words of what was said then. Where nothing has changed since, they are those of today, which are stored. The others no index has: they
 * are looked for in what the reader may see, and made of a text that may have them.
 */
export function pastText({ words, commentVersions, tasks, comments }: ReadTables, asOf: AsOf) {
  const vector = (weight: string, text: string) => sql`setweight(${words}(${sql.raw(text)}), ${sql.lit(weight)})`;
  const today = sql`from ${tasks} today where today.id = t.id and today.revision = t.revision`;
  const commentToday = (comment: string) =>
    sql`from ${comments} today where today.id = ${sql.ref(`${comment}.id`)} and today.revision = ${sql.ref(`${comment}.revision`)}`;
  return {
    words: sql`coalesce((select today.search ${today}), ${vector('A', 't.title')} || ${vector('B', 't.tags')} || ${vector('C', 't.description')})`,
    comments: sql`(select v.id, v.revision, v.task_id, v.standing, v.content,
        coalesce((select today.search ${commentToday('v')}), ${words}(v.content)) as search
      from ${commentVersions} v where ${validAt('v', asOf)})`,
    unindexed: {
      text: sql.raw<unknown>(`t.title || ' ' || array_to_string(t.tags, ' ') || ' ' || t.description`),
      comment: sql.raw<unknown>('m.content'),
      isTextOfToday: sql`exists (select ${today})`,
      isCommentOfToday: sql`exists (select ${commentToday('m')})`,
    },
  };
}
