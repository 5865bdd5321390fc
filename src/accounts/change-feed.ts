import type { Logger } from '../platform/logging.ts';
import { Pause } from '../platform/pause.ts';
import { createPool } from '../platform/postgres/pool.ts';
import { type Database, databaseOn } from './database.ts';

/** Told whose account changed; null when it may have been anybody's. */
export type ChangeListener = (userId: string | null) => void;

/** News of accounts from every instance: what is kept in memory about people is forgotten by it. */
export interface ChangeFeed {
  /** By `performance.now()`: every change that was committed before this moment has been told. */
  readonly toldUntil: number;
  onChange(listener: ChangeListener): void;
  /** Tells this instance of its own committed change, at once. */
  tell(userId: string): void;
  close(): Promise<void>;
}

// Milliseconds.
const POLL_EVERY = 250;
const ANSWER_WITHIN = 2_000;
const PAGE = 500;

/**
 * Reads `accounts.changes` four times a second, and when NOTIFY says so, on a connection of its own: a busy pool does not delay it.
 * @throws DatabaseUnavailable when it cannot be read at the start
 */
export async function startChangeFeed(connectionString: string, log: Logger): Promise<ChangeFeed> {
  const listeners = new Set<ChangeListener>();
  const tell: ChangeListener = (userId) => {
    for (const listener of listeners) listener(userId);
  };
  const pause = new Pause();
  const connection = listeningConnection(connectionString, () => pause.wake());
  const news = await readFromHere(connection, tell).catch(async (error) => {
    await connection.close();
    throw error;
  });
  let isClosed = false;

  const keepReading = async () => {
    for (let isFailing = false; !isClosed; await pause.sleep(POLL_EVERY)) {
      try {
        await news.readOn();
        if (isFailing) log.info({}, 'account changes are read again');
        isFailing = false;
      } catch (error) {
        if (!isFailing) log.error({ error }, 'account changes cannot be read; until they can, requests ask the database');
        isFailing = true;
      }
    }
  };
  const reading = keepReading();

  return {
    get toldUntil() {
      return news.toldUntil;
    },
    onChange: (listener) => void listeners.add(listener),
    tell,
    async close() {
      isClosed = true;
      pause.wake();
      await reading;
      await connection.close();
    },
  };
}

/** Reads what comes after now, all of it each time, and tells it. */
async function readFromHere(connection: ReturnType<typeof listeningConnection>, tell: ChangeListener) {
  let toldUntil = performance.now();
  let { head: seen } = await connection.changesAfter(null);
  return {
    get toldUntil() {
      return toldUntil;
    },
    async readOn(): Promise<void> {
      const asked = performance.now();
      const { head, changes } = await connection.changesAfter(seen);
      if (head !== seen && changes[0]?.number !== seen + 1n) {
        // The next ones were cleared away while this instance slept, or the database is an older one, restored.
        seen = head;
        tell(null);
      } else {
        for (const { userId } of changes) tell(userId);
        seen = changes.at(-1)?.number ?? seen;
      }
      if (seen < head) return this.readOn();
      toldUntil = asked;
    },
  };
}

/** A pool of one: it connects again by itself. */
function listeningConnection(connectionString: string, onNotification: () => void) {
  const pool = createPool(connectionString, {
    max: 1,
    applicationName: 'tasktrail account changes',
    onError: () => {},
    connectTimeout: ANSWER_WITHIN,
  });
  const database = databaseOn(pool, ANSWER_WITHIN);
  let isListening = false;
  pool.on('connect', (client) => {
    isListening = false;
    client.on('notification', onNotification);
  });
  return {
    async changesAfter(seen: bigint | null): Promise<Changes> {
      if (!isListening) await database.rows('listen accounts_changes');
      isListening = true;
      return changesAfter(database, seen);
    },
    close: () => pool.end(),
  };
}

interface Changes {
  head: bigint;
  changes: { number: bigint; userId: string }[];
}

async function changesAfter(database: Database, seen: bigint | null): Promise<Changes> {
  const rows = await database.rows<{ head: string; number: string | null; userId: string }>(
    `select head.number as head, next.number, next.user_id as "userId"
       from accounts.change_head as head
       left join lateral (select * from accounts.changes where number > $1 order by number limit $2) as next on true
      order by next.number`,
    [seen, PAGE],
  );
  const changes = rows.flatMap(({ number, userId }) => (number === null ? [] : [{ number: BigInt(number), userId }]));
  return { head: BigInt(rows[0]!.head), changes };
}
