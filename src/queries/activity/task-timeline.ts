import { sql } from 'kysely';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Reader } from '../tasks/task-scope.ts';
import { activityItem, activityJoins, completed } from './activity-item.ts';

/** All that happened to a task, oldest first, without the shares that the reader may not see. Whether the reader may see it is for the caller to know. @throws Rejection INVALID_CURSOR */
export async function taskTimeline(
  db: ReadDatabase,
  tables: ReadTables,
  taskId: string,
  reader: Reader,
  request: PageRequest,
): Promise<Page> {
  const where = sql`${tables.activity} y where y.task_id = ${taskId}::uuid`;
  const page = await readPage(
    db,
    {
      matching: sql`select y.position as id, y.position as key from ${where}`,
      descending: false,
      keyType: keyTypes.position,
      idType: keyTypes.position,
      item: activityItem,
      joins: activityJoins(tables, reader),
      total: sql`select count(*) from ${where}`,
      prepared: true,
      list: ['timeline', taskId],
    },
    request,
  );
  return completed(page, reader);
}
