import type pg from 'pg';
import type { Position } from '../../events/store/event-store.ts';

/** Which position a time stands for, and which time a position. All throw DatabaseUnavailable. */
export interface Moments {
  /** The last position whose effective time is not after this one; undefined when an event yet to come may move it. */
  positionAt(time: string): Promise<Position | undefined>;
  /**
   * Settles for good which position a time stands for that no event has come after yet, unless it is settled already.
   * This is the one thing that a read writes: an event that is still under way then, with an earlier time, must not move the answer. A
   * quiet log has one row, which moves on with the time.
   * @param head a position that the read model has reached and that the log had when the time was past
   * @returns that position, or a later one that an earlier time was settled for already
   */
  settle(time: string, head: Position): Promise<Position>;
  /** The effective time of a position, RFC 3339; null before the first event. */
  timeAt(position: Position): Promise<string | null>;
}

/** @param schema where the tables of the history are just now */
export function createMoments(query: <R>(statement: pg.QueryConfig) => Promise<R[]>, schema: () => string): Moments {
  const one = async <R>(text: string, values: unknown[]) => (await query<R>({ text, values }))[0]!;
  // What was settled holds for earlier times too: positions grow with the times that they were settled for.
  const settledFor = '(select position from projections.settled_moments where at >= $1::timestamptz order by at limit 1)';

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
      const settle = 'select projections.settle($1::timestamptz, $2::text::bigint)::text as position';
      const { position } = await one<{ position: string }>(settle, [time, head.toString()]);
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
