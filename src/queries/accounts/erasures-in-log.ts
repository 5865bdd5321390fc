import { sql } from 'kysely';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface ErasureInLog {
  user_id: string;
  transfer_to: string | null;
}

/** Whose erasure the log tells of. */
export function erasuresInLog(db: ReadDatabase, { erasures }: ReadTables): Promise<ErasureInLog[]> {
  return db.rows(sql<ErasureInLog>`select user_id, transfer_to from ${erasures}`);
}
