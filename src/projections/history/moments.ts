import type pg from 'pg';
import type { Position } from '../../events/store/event-store.ts';

/** Which position a time stands for, and which time a position. All throw DatabaseUnavailable. */
export interface Moments {
  /** The last position whose effective time is not after this one; undefined when an event yet to come may move it. */
  positionAt(time: string): Promise<Position | undefined>;
  /**
   * Settles for good which position a time stands for that no event has come after yet, unless it is settled already.
   * @param head a position that the read model has reached and that the log had when the time was past
   */
  settle(time: string, head: Position): Promise<Position>;
  /** The effective time of a position, RFC 3339; null before the first event. */
  timeAt(position: Position): Promise<string | null>;
}

/** @param schema where the tables of the history are just now */
export function createMoments(query: <R>(statement: pg.QueryConfig) => Promise<R[]>, schema: () => string): Moments {
  const one = async <R>(text: string, values: unknown[]) => (await query<R>({ text, values }))[0]!;
  // What was settled holds for earlier times too: a position never goes back with the time.
  const settledFor = '(select min(position) from projections.settled_moments where at >= $1::timestamptz)';

  // Asked for as the least position, it would be looked for from the beginning of the log.
  const firstAfter = (schemaName: string) =>
    `(select position - 1 from ${schemaName}.moments where effective_at > $1::timestamptz order by effective_at limit 1)`;

  return {
    async positionAt(time) {
      const { position } = await one<{ position: string | null }>(
        `select least(${firstAfter(schema())}, ${settledFor})::text as position`,
        [time],
      );
      return position === null ? undefined : BigInt(position);
    },
    async settle(time, head) {
      // In two statements: the second sees what another instance settled while the first waited for it.
      const insert = `with settled as (insert into projections.settled_moments (at, position)
        values ($1::timestamptz, $2::text::bigint) on conflict do nothing) select`;
      await one(insert, [time, head.toString()]);
      const { position } = await one<{ position: string }>(`select ${settledFor}::text as position`, [time]);
      return BigInt(position);
    },
    async timeAt(position) {
      const { time } = await one<{ time: string | null }>(
        `select (select to_json(effective_at at time zone 'UTC') #>> '{}' || 'Z' from ${schema()}.moments
           where position <= $1::text::bigint order by position desc limit 1) as time`,
        [position.toString()],
      );
      return time;
    },
  };
}
