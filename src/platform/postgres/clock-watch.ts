import type pg from 'pg';

/** Milliseconds by which this machine's clock may be ahead of the database's. */
const TOLERATED = 5_000;
const LOOK_EVERY = 30_000;

/**
 * Holds this machine's clock against the database's, which all instances share: events that were stamped in the future would be found by
 * nobody who asks for the past.
 */
export interface ClockWatch {
  /** Whether this machine's clock is more than five seconds ahead, as far as is known. */
  isAhead(): boolean;
  close(): Promise<void>;
}

export async function watchClock(pool: pg.Pool, onAhead: (milliseconds: number) => void): Promise<ClockWatch> {
  let ahead = 0;
  const look = async () => {
    const sentAt = Date.now();
    const { rows } = await pool.query<{ now: string }>('select extract(epoch from clock_timestamp()) * 1000 as now');
    // The database looked at its clock after the question was sent.
    ahead = sentAt - Number(rows[0]!.now);
    if (ahead > TOLERATED) onAhead(ahead);
  };
  await look();
  const timer = setInterval(() => look().catch(() => {}), LOOK_EVERY);
  timer.unref();
  return {
    isAhead: () => ahead > TOLERATED,
    async close() {
      clearInterval(timer);
    },
  };
}
