import { sql } from 'kysely';
import type { Position } from '../../events/store/event-store.ts';
import type { FeedEventRow } from '../../projections/feed/schema.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export type TaskAsLeftRow = Pick<FeedEventRow, 'title'> & { status: NonNullable<FeedEventRow['status']> };

/** Of events about tasks, by position: the task as each of them left it. Nothing for what the feed has not come to. */
export async function tasksAsLeft(
  db: ReadDatabase,
  { feedEvents }: ReadTables,
  positions: readonly Position[],
): Promise<ReadonlyMap<Position, TaskAsLeftRow>> {
  const rows = await db.rows(
    sql<TaskAsLeftRow & { position: string }>`
      select position::text as position, title, status from ${feedEvents}
      where position = any(${positions.map(String)}::bigint[]) and task_id is not null`,
  );
  return new Map(rows.map(({ position, title, status }) => [BigInt(position), { title, status }]));
}
