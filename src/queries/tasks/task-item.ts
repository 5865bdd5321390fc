import { type RawBuilder, sql } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import { person, utcTime } from '../json-values.ts';
import type { ReadTables } from '../read-tables.ts';
import { overdueOn } from './task-filters.ts';
import type { Reader } from './task-scope.ts';

/** The members of a task as the API shows it, from its row `t` and the people `o` and `e` that own and are assigned it. */
export function taskColumns(reader: Reader, today: string): RawBuilder<unknown> {
  return sql`t.id, t.title, t.description, t.status, t.priority, t.tags, t.due_date,
  t.status = ${sql.lit(doneStatus)} as completed, ${utcTime(sql`t.completed_at`)} as completed_at, ${overdueOn(today)} as overdue,
  ${person(sql`t.owner_id`, 'o')} as owner,
  case when t.assignee_id is not null then ${person(sql`t.assignee_id`, 'e')} end as assignee,
  ${permission(reader)} as permission,
  case when t.shares = '{}' then 0 else (select count(*) from jsonb_object_keys(t.shares)) end as share_count,
  t.comment_count, t.file_count, ${utcTime(sql`t.created_at`)} as created_at, ${utcTime(sql`t.updated_at`)} as updated_at,
  ${utcTime(sql`t.deleted_at`)} as deleted_at, t.revision`;
}

/** From the ids of a list to the rows that its items are made of. */
export function taskJoins({ tasks, users }: ReadTables): RawBuilder<unknown> {
  return sql`join ${tasks} t on t.id = shown.id left join ${users} o on o.id = t.owner_id left join ${users} e on e.id = t.assignee_id`;
}

function permission({ id }: Reader): RawBuilder<unknown> {
  return sql`case when t.owner_id = ${id}::uuid then 'owner' when t.assignee_id = ${id}::uuid then 'edit'
    else coalesce(t.shares ->> ${id}, 'admin') end`;
}
