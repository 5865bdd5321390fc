import { type RawBuilder, sql } from 'kysely';
import { json, jsonObject, orNull, person, quoted, truth, utcTime } from '../json-values.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Reader } from './task-scope.ts';

const permission = `case when t.owner_id = r.id then 'owner' when t.assignee_id = r.id then 'edit'
  else coalesce(t.shares ->> r.id::text, 'admin') end`;

/** The JSON of a task as the API shows it, from what `taskJoins` brings. */
export const taskItem: RawBuilder<string> = sql.raw(
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
    permission: quoted(permission),
    share_count: `case when t.shares = '{}' then 0 else (select count(*) from jsonb_object_keys(t.shares)) end`,
    comment_count: 't.comment_count',
    file_count: 't.file_count',
    created_at: quoted(utcTime('t.created_at')),
    updated_at: quoted(utcTime('t.updated_at')),
    deleted_at: orNull(quoted(utcTime('t.deleted_at'))),
    revision: 't.revision',
  }),
);

/** From the ids of a list to the rows of the tasks `t`, of the people `o` and `e` that own and are assigned them, and of who reads, `r`. */
export function taskJoins({ tasks, users }: ReadTables, reader: Reader, today: string): RawBuilder<unknown> {
  return sql`join ${tasks} t on t.id = shown.id left join ${users} o on o.id = t.owner_id left join ${users} e on e.id = t.assignee_id
  cross join (select ${reader.id}::uuid as id, ${today}::date as today) r`;
}
