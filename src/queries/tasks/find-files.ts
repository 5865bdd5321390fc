import { sql } from 'kysely';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

/** The task that a file belongs to, whether or not either is deleted; undefined when there is none that the read model knows. */
export async function taskOfFile(db: ReadDatabase, { files }: ReadTables, fileId: string): Promise<string | undefined> {
  const [row] = await db.rows(sql<{ task_id: string }>`select task_id from ${files} where id = ${fileId}::uuid`, { prepared: true });
  return row?.task_id;
}

/** The tasks with contents that are due to go: of a task that was deleted by then, or of a file that was. */
export async function tasksWithDueFiles(db: ReadDatabase, { files, tasks }: ReadTables, deletedBy: string): Promise<string[]> {
  const rows = await db.rows(sql<{ id: string }>`
    select task_id as id from ${files} where deleted_at <= ${deletedBy}::timestamptz and not purged
    union
    select t.id from ${tasks} t where t.deleted_at <= ${deletedBy}::timestamptz
      and exists (select from ${files} f where f.task_id = t.id and not f.purged)`);
  return rows.map(({ id }) => id);
}

/** Those of these files whose contents are still wanted, as far as the read model knows. */
export async function wantedFiles(db: ReadDatabase, { files }: ReadTables, fileIds: readonly string[]): Promise<Set<string>> {
  const rows = await db.rows(sql<{ id: string }>`select id from ${files} where id = any(${[...fileIds]}::uuid[]) and not purged`);
  return new Set(rows.map(({ id }) => id));
}
