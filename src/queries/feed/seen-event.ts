import { sql } from 'kysely';
import type { Position } from '../../events/store/event-store.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import { type FeedReader, type FeedRow, partsFor, rowColumns } from './read-feed.ts';

/** One event, as far as somebody may see it now. */
export interface SeenEvent {
  /** Null when they may not. */
  row: FeedRow | null;
  /** How far the feed had come: of what is behind that, nothing is known yet. */
  reached: Position;
}

/** Whether somebody may see the event of this position now, and with what of its task. */
export async function seenEvent(db: ReadDatabase, tables: ReadTables, reader: FeedReader, position: Position): Promise<SeenEvent> {
  const parts = partsFor(reader, tables).map((part) => sql`(${part} and e.position = ${position.toString()}::bigint)`);
  const statement = sql<Partial<FeedRow> & { reached: string }>`
    select ${tables.feedReached}::text as reached, seen.* from (select) one
    left join lateral (
      select ${rowColumns}
      from (${sql.join(parts, sql` union all `)}) parts limit 1
    ) seen on true`;
  const [found] = await db.rows(statement);
  const { reached, ...row } = found!;
  return { row: row.position === null ? null : (row as FeedRow), reached: BigInt(reached) };
}
