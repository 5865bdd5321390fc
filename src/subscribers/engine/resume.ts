import type pg from 'pg';
import { BEGINNING, type EventStore, type Position } from '../../events/store/event-store.ts';
import { moveCheckpoint } from './checkpoint.ts';

/** Where a subscriber is to go on: behind everything there is, before the first event, or behind a position of this log. */
export type ResumeAfter = 'head' | 'beginning' | Position;

/**
 * Has a subscriber go on in this log as it stands, and in the target that is configured, wherever it was: what is between is not for it,
 * or is for it again. The instance that handles events for it is fenced off, and goes on from there. What is put aside for it stays.
 * @param by who says so, as the log names it
 * @returns the position; null when there is no such subscriber @throws Error for a position beyond the end, StoreUnavailable
 */
export async function resumeAfter(
  pool: pg.Pool,
  store: EventStore,
  { name, after, by }: { name: string; after: ResumeAfter; by: string },
): Promise<Position | null> {
  const head = await store.head();
  const position = after === 'head' ? head : after === 'beginning' ? BEGINNING : after;
  if (position > head && position > (await store.end())) throw new Error(`the log ends at position ${head}`);
  // Whatever is configured becomes the target, as it stands.
  await pool.query('update subscribers.targets set is_current = false where subscriber = $1', [name]);
  return (await moveCheckpoint(pool, name, { position, logId: store.logId, by })) ? position : null;
}
