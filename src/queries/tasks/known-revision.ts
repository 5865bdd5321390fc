import { type RawBuilder, sql } from 'kysely';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

/** How far the read models have seen a task, and whose it is by them. */
export interface KnownTask {
  /** Of the last event that any of them was given. */
  revision: number;
  ownerId: string;
  assigneeId: string | null;
  sharedWith: readonly string[];
  isDeleted: boolean;
}

/** What listing, history and activity know of a task; null when none of them knows it. One that is being made is left out. */
export async function knownTask(db: ReadDatabase, tables: ReadTables, taskId: string): Promise<KnownTask | null> {
  const id = sql`${taskId}::uuid`;
  const [listed] = await rowsOf<Omit<KnownTask, 'revision'> & { revision: number }>(
    db,
    () => sql`
      select revision, owner_id as "ownerId", assignee_id as "assigneeId", deleted_at is not null as "isDeleted",
             array(select jsonb_object_keys(shares)) as "sharedWith"
        from ${tables.tasks} where id = ${id}`,
  );
  const others = await Promise.all(
    [
      () => sql`select revision from ${tables.versions} where id = ${id} order by valid_from desc limit 1`,
      () => sql`select revision from ${tables.activity} where task_id = ${id} order by position desc limit 1`,
    ].map((query) => rowsOf<{ revision: number }>(db, query)),
  );
  if (listed === undefined) return null;
  return { ...listed, revision: Math.max(listed.revision, ...others.flat().map(({ revision }) => revision)) };
}

async function rowsOf<Row>(db: ReadDatabase, query: () => RawBuilder<unknown>): Promise<Row[]> {
  try {
    return await db.rows(query() as RawBuilder<Row>);
  } catch (error) {
    // Thrown by who knows where the read models are, which queries do not import.
    if ((error as Error).name === 'ReadModelIncomplete') return [];
    throw error;
  }
}
