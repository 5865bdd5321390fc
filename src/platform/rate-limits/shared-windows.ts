import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Logger } from '../logging.ts';
import { SlidingWindows, type Standing, type Taking, type WindowOptions } from './sliding-windows.ts';

/** Sliding windows that all instances count in: each in its own memory, told to the others a few times a second. */
export interface SharedWindows<Name extends string> {
  /** Takes one, if there is one left as far as is known here. */
  take(window: Name, key: string): Standing;
  /** How things stand, without taking anything. */
  look(window: Name, key: string): Standing;
  /** Tells what is still to tell. */
  close(): Promise<void>;
}

export interface SharedWindowsOptions<Name extends string> {
  pool: pg.Pool;
  /** None but these may be named. Without any, nothing is exchanged. */
  windows: Readonly<Partial<Record<Name, WindowOptions>>>;
  log: Logger;
  /** Milliseconds between two exchanges. */
  every?: number;
}

/** In milliseconds. */
const ANSWER_WITHIN = 2_000;
/** In exchanges. */
const TIDY_EVERY = 240;

/**
 * @returns once what was taken before the start is known, or the database does not say. While it is away each instance counts for
 * itself, and tells afterwards what still matters then.
 */
export async function startSharedWindows<Name extends string>(options: SharedWindowsOptions<Name>): Promise<SharedWindows<Name>> {
  const { pool, log, every = 200 } = options;
  const names = Object.keys(options.windows) as Name[];
  const windows = new Map(names.map((name) => [name, new SlidingWindows(options.windows[name]!)]));
  // The database's clock, so that a slice is the same moment for everybody; the machine's until it is known.
  let ahead = performance.timeOrigin;
  const now = () => performance.now() + ahead;
  const exchange = exchangeOn(pool);
  let unconfirmed: Batch | null = null;
  let failing = false;
  let closing = false;
  let wake = () => {};

  async function tell(): Promise<void> {
    try {
      unconfirmed ??= batchOf(windows, now());
      const asked = performance.now();
      const { clock, told } = await exchange(unconfirmed);
      unconfirmed = null;
      ahead = clock - (asked + performance.now()) / 2;
      for (const batch of told) for (const name of names) addAll(windows.get(name)!, batch[name] ?? [], now());
      if (failing) log.info({}, 'rate limits are shared with other instances again');
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ error }, 'rate limits cannot be shared just now: this instance counts for itself');
      failing = true;
    }
  }

  async function keepTelling(): Promise<void> {
    while (!closing) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, every).unref();
      });
      await tell();
    }
  }

  if (names.length > 0) await tell();
  const telling = names.length > 0 ? keepTelling() : Promise.resolve();
  return {
    take: (window, key) => windows.get(window)!.take(key, now()),
    look: (window, key) => windows.get(window)!.look(key, now()),
    async close() {
      closing = true;
      wake();
      await telling;
    },
  };
}

/** By the name of the window: key, slice and count by turns. */
type Batch = Record<string, (string | number)[]>;

function batchOf(windows: ReadonlyMap<string, SlidingWindows>, now: number): Batch {
  const batch: Batch = {};
  for (const [name, window] of windows) {
    const takings = window.untold(now);
    if (takings.length > 0) batch[name] = takings.flatMap(({ key, slice, count }) => [key, slice, count]);
  }
  return batch;
}

function addAll(window: SlidingWindows, counts: readonly (string | number)[], now: number): void {
  for (let i = 0; i < counts.length; i += 3) {
    const [key, slice, count] = counts.slice(i, i + 3) as [string, number, number];
    window.add({ key, slice, count } satisfies Taking, now);
  }
}

// An instance writes its next batch when the last one is there: what it is known to have told is never added to from behind.
const exchanged = `
  with told as (
    insert into rate_limits.takings (instance, batch, counts) select $1, $2, $3 where $3::text is not null on conflict do nothing)
  select extract(epoch from clock_timestamp())::float8 * 1000 as clock, next.instance, next.batch, next.counts
    from (select) as always left join rate_limits.takings as next
      on next.instance <> $1 and next.at > now() - interval '90 seconds' and not exists (
        select from unnest($4::uuid[], $5::bigint[]) as known (instance, batch)
         where known.instance = next.instance and next.batch <= known.batch)
   order by next.instance, next.batch`;

/** Writes one batch and reads those of the others, in one statement. A batch that failed may be given again: it is written once. */
function exchangeOn(pool: pg.Pool) {
  const instance = randomUUID();
  const known = new Map<string, string>();
  let number = 1;
  let rounds = 0;

  return async (batch: Batch): Promise<{ clock: number; told: Batch[] }> => {
    if (rounds++ % TIDY_EVERY === 0) await tidy(pool);
    const text = Object.keys(batch).length === 0 ? null : JSON.stringify(batch);
    const values = [instance, number, text, [...known.keys()], [...known.values()]];
    const { rows } = await pool.query<Told>({ text: exchanged, values, query_timeout: ANSWER_WITHIN } as pg.QueryConfig);
    if (text !== null) number++;
    const news = rows.flatMap((row) => (row.instance === null ? [] : [row]));
    for (const row of news) known.set(row.instance, row.batch);
    return { clock: rows[0]!.clock, told: news.map(({ counts }) => JSON.parse(counts) as Batch) };
  };
}

type Told = { clock: number; instance: null } | { clock: number; instance: string; batch: string; counts: string };

async function tidy(pool: pg.Pool): Promise<void> {
  await pool.query(`delete from rate_limits.takings where at < now() - interval '2 minutes'`);
  await pool.query('delete from rate_limits.attempts where expires_at < now()');
}
