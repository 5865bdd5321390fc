import { sql } from 'kysely';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

/** Every task that somebody owns, has a share of or is assigned to, deleted or not: for one who is being erased. */
export async function tasksConcerning(db: ReadDatabase, { tasks }: ReadTables, userId: string): Promise<string[]> {
  const rows = await db.rows(
    sql<{
      id: string;
    }>`select id from ${tasks} where owner_id = ${userId}::uuid or assignee_id = ${userId}::uuid or shares ? ${userId} order by id`,
  );
  return rows.map(({ id }) => id);
}
