import { type RawBuilder, sql } from 'kysely';
import { type AsOf, versionAt } from '../history/as-of.ts';
import { json, jsonObject, orNull, person, quoted, truth, utcTime } from '../json-values.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Reader } from './task-scope.ts';

/** @param now the alias of the task's row as it is now: what the reader may do is never a thing of the past */
const permission = (
  now: string,
) => `case when ${now}.owner_id = r.id then 'owner' when ${now}.assignee_id = r.id and ${now}.gives_access then 'edit'
  else coalesce(${now}.shares ->> r.id::text, 'admin') end`;

const item = (now: string) =>
  jsonObject({
    id: quoted('t.id'),
    title: json('t.title'),
    description: json('t.description'),
    status: quoted('t.status'),
    priority: quoted('t.priority'),
    tags: json('t.tags'),
    due_date: orNull(`${json('t.due_date')}::text`),
    completed: truth(`t.status = 'done'`),
    completed_at: orNull(quoted(utcTime('t.completed_at'))),
    overdue: truth(`t.due_date < r.today and t.status not in ('done', 'cancelled')`),
    owner: person('t.owner_id', 'o'),
    assignee: `case when t.assignee_id is null then 'null' else ${person('t.assignee_id', 'e')} end`,
    permission: quoted(permission(now)),
    share_count: `case when t.shares = '{}' then 0 else (select count(*) from jsonb_object_keys(t.shares)) end`,
    comment_count: 't.comment_count',
    file_count: 't.file_count',
    created_at: quoted(utcTime('t.created_at')),
    updated_at: quoted(utcTime('t.updated_at')),
    deleted_at: orNull(quoted(utcTime('t.deleted_at'))),
    revision: 't.revision',
  });

const todays = sql.raw<string>(item('t'));
const past = sql.raw<string>(item('n'));

/** The JSON of a task as the API shows it, from what `taskJoins` brings. */
export function taskItem(asOf?: AsOf): RawBuilder<string> {
  return asOf ? past : todays;
}

/**
 * From the ids of a list to the rows of the tasks `t`, of the people `o` and `e` that own and are assigned them, and of who reads, `r`.
 * Of the past, `t` is the task as it was, and `n` as it is now.
 */
export function taskJoins({ tasks, versions, users }: ReadTables, reader: Reader, today: string, asOf?: AsOf): RawBuilder<unknown> {
  const rows = asOf
    ? sql`cross join lateral ${versionAt(versions, sql`shown.id`, asOf)} t join ${tasks} n on n.id = shown.id`
    : sql`join ${tasks} t on t.id = shown.id`;
  return sql`${rows} left join ${users} o on o.id = t.owner_id left join ${users} e on e.id = t.assignee_id
  cross join (select ${reader.id}::uuid as id, ${today}::date as today) r`;
}
