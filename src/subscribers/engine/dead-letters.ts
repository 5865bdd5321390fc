import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { translated } from '../../platform/postgres/connection-failure.ts';

/** What became of an event that was put aside, and of those behind it. */
export interface Outcome {
  /** `under_way`: not all of it within the time that was waited. */
  outcome: 'handled' | 'failed' | 'under_way';
  /** So many events were handled, of those that were put aside before. */
  handled: number;
  /** So many are put aside still. */
  left: number;
  /** The one that could not be handled; null unless that is what came of it. */
  failed: string | null;
}

/** Decisions on what subscribers could not handle. Whichever instance is asked, the active one carries them out. */
export interface DeadLetters {
  /** Has it tried again, and what waits behind it, in order, up to the next that fails. @returns null when there is none such */
  retry(id: string): Promise<Outcome | null>;
  /** Has it never handled, and goes on with what waits behind it. @returns null when there is none such */
  skip(id: string, decided: { reason: string; by: string }): Promise<Outcome | null>;
}

export interface DeadLetterParts {
  pool: pg.Pool;
  /** Tells this instance's engine that there is something to do. */
  wake(subscriber: string): void;
  /** For how long an outcome is waited for, in milliseconds. */
  patience?: number;
}

interface Queue {
  subscriber: string;
  stream: string;
}

interface Row {
  id: string;
  state: string;
  attempts: number;
}

const LOOK_EVERY = 50;
const PATIENCE = 5_000;

export function createDeadLetters({ pool, wake, patience = PATIENCE }: DeadLetterParts): DeadLetters {
  async function query<R extends object>(text: string, values: unknown[]): Promise<R[]> {
    try {
      return (await pool.query<R>(text, values)).rows;
    } catch (error) {
      throw translated(error);
    }
  }

  const rowsOf = ({ subscriber, stream }: Queue) =>
    query<Row>('select id, state, attempts from subscribers.dead_letters where subscriber = $1 and stream = $2 order by revision', [
      subscriber,
      stream,
    ]);

  async function outcomeOf(queue: Queue, before: readonly Row[]): Promise<Outcome> {
    wake(queue.subscriber);
    for (const deadline = performance.now() + patience; ; await pause(LOOK_EVERY)) {
      const now = await rowsOf(queue);
      const [first] = now;
      const there = new Set(now.map(({ id }) => id));
      const facts = { handled: before.filter(({ id }) => !there.has(id)).length, left: now.length };
      if (first === undefined) return { ...facts, outcome: 'handled', failed: null };
      const tried = first.attempts > (before.find(({ id }) => id === first.id)?.attempts ?? 0);
      if (first.state === 'failed' && tried) return { ...facts, outcome: 'failed', failed: first.id };
      if (performance.now() >= deadline) return { ...facts, outcome: 'under_way', failed: null };
    }
  }

  return {
    async retry(id) {
      const [queue] = await query<Queue>(
        'select subscriber, stream from subscribers.dead_letters where id = $1 and failed_at is not null',
        [id],
      );
      if (queue === undefined) return null;
      const before = await rowsOf(queue);
      await query(`update subscribers.dead_letters set state = 'released' where id = $1 and state = 'failed'`, [id]);
      return outcomeOf(queue, before);
    },
    async skip(id, { reason, by }) {
      const [queue] = await query<Queue>(
        `with gone as (delete from subscribers.dead_letters where id = $1 and failed_at is not null returning *)
         insert into subscribers.skipped (id, subscriber, stream, revision, event_id, type, error, attempts, reason, skipped_by)
         select id, subscriber, stream, revision, event_id, type, error, attempts, $2, $3 from gone returning subscriber, stream`,
        [id, reason, by],
      );
      return queue === undefined ? null : outcomeOf(queue, await rowsOf(queue));
    },
  };
}
