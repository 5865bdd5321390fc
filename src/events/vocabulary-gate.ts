import type pg from 'pg';
import { translated } from '../platform/postgres/connection-failure.ts';
import { isOlderServiceAtWork } from '../platform/postgres/occupancy.ts';
import { VOCABULARY } from './vocabulary.ts';

/** Milliseconds for which it is taken as known whether an instance of an older release runs. */
const MAX_AGE_MS = 1_000;

/** Decides whether events of a newer vocabulary than the first may be appended, which an older release would stop at. */
export interface VocabularyGate {
  /**
   * The vocabulary of which events may be appended now: this release's, or the first while an instance of an older release works on the
   * database. Before this release's is returned, its number is recorded. @throws DatabaseUnavailable
   */
  writable(): Promise<number>;
}

export function createVocabularyGate(pool: pg.Pool, now: () => number = () => performance.now()): VocabularyGate {
  let latest: { vocabulary: Promise<number>; askedAt: number } | undefined;
  let isRecorded = false;

  const determine = async (): Promise<number> => {
    if (await isOlderServiceAtWork(pool, VOCABULARY)) return 1;
    if (!isRecorded) await recordVocabulary(pool);
    isRecorded = true;
    return VOCABULARY;
  };

  return {
    writable() {
      if (latest && now() - latest.askedAt < MAX_AGE_MS) return latest.vocabulary;
      const asked = {
        askedAt: now(),
        vocabulary: determine().catch((error: unknown) => {
          if (latest === asked) latest = undefined;
          throw translated(error);
        }),
      };
      latest = asked;
      return asked.vocabulary;
    },
  };
}

/** Records that the log may hold events of this release's vocabulary from now on. */
export async function recordVocabulary(pool: pg.Pool): Promise<void> {
  await pool.query('update event_log.vocabulary set number = $1 where number < $1', [VOCABULARY]);
}

/** @throws Error when the log may hold events that this release cannot read */
export async function requireKnownVocabulary(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ number: number }>('select number from event_log.vocabulary');
  const recorded = rows[0]!.number;
  if (recorded <= VOCABULARY) return;
  throw new Error(
    `the log may hold events of vocabulary ${recorded}, and this release reads vocabularies up to ${VOCABULARY}: start a release that reads vocabulary ${recorded}`,
  );
}
