import type pg from 'pg';
import type { Position } from '../event-store.ts';

/** What the first event of all is numbered with; the others follow without a gap. */
export async function firstPosition(pool: pg.Pool): Promise<Position> {
  const { rows } = await pool.query<{ first_position: string }>('select first_position from event_log.log');
  return BigInt(rows[0]!.first_position);
}

/** The first event, up to a position, that would not be read as one of its stream, because its origin is not where that begins. */
export async function findMisfiled(
  pool: pg.Pool,
  upTo: Position,
): Promise<{ position: Position; stream: string; revision: number } | null> {
  const { rows } = await pool.query<{ position: string; stream: string; revision: number }>(
    `select event.position, event.stream, event.revision
     from event_log.events event
     left join event_log.events first on first.position = event.origin and first.stream = event.stream and first.revision = 0
     where event.position <= $1 and first.position is null
     order by event.position limit 1`,
    [upTo.toString()],
  );
  const row = rows[0];
  return row ? { ...row, position: BigInt(row.position) } : null;
}
