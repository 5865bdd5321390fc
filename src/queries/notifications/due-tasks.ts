import { sql } from 'kysely';
import { ASSIGNED, OWNED } from '../../projections/listing/schema.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface DueTask {
  userId: string;
  /** YYYY-MM-DD, both. */
  day: string;
  dueDate: string;
  taskId: string;
  title: string;
  ownerId: string;
}

/** What these people own or are assigned to that is due on their day or the next and neither done nor cancelled, by due date. */
export function dueTasks(
  db: ReadDatabase,
  { tasks, access }: ReadTables,
  people: readonly { userId: string; day: string }[],
): Promise<DueTask[]> {
  return db.rows(
    sql<DueTask>`
      select p.user_id as "userId", p.day::text as day, t.due_date::text as "dueDate", t.id as "taskId", t.title, t.owner_id as "ownerId"
        from unnest(${people.map(({ userId }) => userId)}::uuid[], ${people.map(({ day }) => day)}::date[]) as p (user_id, day)
        join ${access} a on a.user_id = p.user_id and a.mask & ${sql.lit(OWNED | ASSIGNED)} <> 0
        join ${tasks} t on t.id = a.task_id
       where t.due_date between p.day and p.day + 1 and t.status not in ('done', 'cancelled') and t.deleted_at is null
       order by t.due_date, t.created_at, t.id`,
  );
}
