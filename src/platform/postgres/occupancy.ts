import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

const NAME = 'tasktrail occupancy';
const KEY = `hashtextextended('${NAME}', 0)`;
/** The lock that says that its holder reads the vocabulary of a number, an SQL expression. Every service also holds those of all lower ones, but for the first. */
const vocabularyKey = (number: string) => `hashtextextended('tasktrail vocabulary ' || ${number}, 0)`;
/** Often enough for what lies between here and the server not to take the connection for a forgotten one. */
const PING_MS = 5_000;
const RETRY_MS = 1_000;

/** An instance that was just killed may still be in the server's list: so often it is looked again, one after `RETRY_MS` each. */
const AGREEMENT_TRIES = 3;

/** The database is in use in a way that does not go together with what was wanted. The message says what to do. */
export class DatabaseOccupied extends Error {
  override name = 'DatabaseOccupied';
}

/** Being one of those who work on a database, until it is released or the process ends. */
export interface Occupancy {
  release(): Promise<void>;
}

/** What all instances that work on a database at one time must have alike. */
export interface Agreement {
  /** Its name, for people: a setting. */
  name: string;
  /** Of its value; of any length. */
  digest: Buffer;
}

export interface ServiceDetails {
  /** The number of the vocabulary of events that the service reads. */
  vocabulary: number;
  /** What is refused where an instance that works on the database has another value. */
  agreement?: Agreement | undefined;
  log: (line: string) => void;
  /** The connection was lost, which is there at all times: the server may have gone, and what it had not written to its disk with it. */
  onLost?(): void;
}

/**
 * Says that a service works on the database: any number of them may at once, and no tool that needs it for itself. When the connection
 * that says so is lost, it is made again.
 * @throws DatabaseOccupied while such a tool is at work, or an instance that has not what this one must have like all others
 */
export async function occupy(connectionString: string, { vocabulary, agreement, log, onLost }: ServiceDetails): Promise<Occupancy> {
  const ending = new AbortController();
  const takeShared = () => take(connectionString, 'shared', vocabulary, agreement);
  let hold = await takeShared();
  const keep = async () => {
    for (let told = false; !ending.signal.aborted; ) {
      if (!hold.lost.aborted) await happened(AbortSignal.any([hold.lost, ending.signal]));
      if (ending.signal.aborted) return;
      onLost?.();
      try {
        hold = await takeShared();
        told = false;
      } catch (error) {
        if (!told && error instanceof DatabaseOccupied) log(`this service must be stopped: ${error.message}`);
        told ||= error instanceof DatabaseOccupied;
        await sleep(RETRY_MS, undefined, { signal: ending.signal }).catch(() => {});
      }
    }
  };
  const keeping = keep();
  return {
    async release() {
      ending.abort();
      await keeping;
      await hold.release();
    },
  };
}

/** Takes the database for a tool that must be alone with it. @throws DatabaseOccupied while a service or another tool works on it */
export async function occupyAlone(connectionString: string): Promise<Occupancy & { lost: AbortSignal }> {
  return take(connectionString, 'alone');
}

const sharedLocks = `
  select pid, (classid::bigint << 32) | objid::bigint as key
    from pg_locks
   where locktype = 'advisory' and mode = 'ShareLock' and granted and objsubid = 1
     and database = (select oid from pg_database where datname = current_database())`;

/** Whether a service works on the database. */
export async function isOccupied(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ occupied: boolean }>(
    `select exists (select from (${sharedLocks}) as held where key = ${KEY}) as occupied`,
  );
  return rows[0]!.occupied;
}

/** Whether a service works on the database that does not read the vocabulary of this number: an instance of an older release. */
export async function isOlderServiceAtWork(pool: pg.Pool, vocabulary: number): Promise<boolean> {
  const { rows } = await pool.query<{ older: boolean }>(
    `with held as materialized (${sharedLocks})
     select exists (
       select from held as service
        where service.key = ${KEY}
          and not exists (select from held where held.pid = service.pid and held.key = ${vocabularyKey('$1::integer')})
     ) as older`,
    [vocabulary],
  );
  return rows[0]!.older;
}

type Hold = Occupancy & { lost: AbortSignal };

async function take(connectionString: string, how: 'shared' | 'alone', vocabulary = 1, agreement?: Agreement): Promise<Hold> {
  const client = new pg.Client({
    connectionString,
    application_name: NAME,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
    keepAlive: true,
  });
  const lost = new AbortController();
  const lose = () => lost.abort(new Error('the connection that kept the database for this process was lost; start it again'));
  client.on('error', lose);
  client.on('end', lose);
  await client.connect();
  const release = async () => {
    await client.end().catch(() => {});
  };
  try {
    // Before the other lock, so that this process is never taken for one of an older release.
    await client.query(`select pg_advisory_lock_shared(${vocabularyKey('number')}) from generate_series(2, $1) as number`, [vocabulary]);
    const { rows } = await client.query(
      `select ${how === 'shared' ? 'pg_try_advisory_lock_shared' : 'pg_try_advisory_lock'}(${KEY}) as held`,
    );
    if (!rows[0].held)
      throw new DatabaseOccupied(
        how === 'shared'
          ? 'a tool works on this database (import or migrate-store); start the service when it has finished'
          : 'the service or another tool works on this database; stop every instance first',
      );
    if (agreement) await agree(client, agreement);
  } catch (error) {
    await release();
    throw error;
  }
  const ping = setInterval(() => client.query('select').catch(lose), PING_MS);
  lost.signal.addEventListener('abort', () => {
    clearInterval(ping);
    void release();
  });
  return { lost: lost.signal, release };
}

/** Holds the digest as a lock, as long as the connection lives, so that nothing is left behind by an instance that is killed. */
async function agree(client: pg.Client, { name, digest }: Agreement): Promise<void> {
  const [kind, value] = [`hashtext('tasktrail ' || $1)`, '$2::integer'];
  const values = [name, digest.readInt32BE()];
  await client.query(`select pg_advisory_lock_shared(${kind}, ${value})`, values);
  for (let tries = 1; ; tries++) {
    const { rows } = await client.query<{ differs: boolean }>(
      `select exists (
         select from pg_locks
         where locktype = 'advisory' and granted and objsubid = 2 and classid = ${kind}::oid and objid <> ${value}::oid
           and database = (select oid from pg_database where datname = current_database())
       ) as differs`,
      values,
    );
    if (!rows[0]!.differs) return;
    if (tries === AGREEMENT_TRIES)
      throw new DatabaseOccupied(
        `${name} is another one than that of an instance that works on this database; give all the same, or stop every instance first`,
      );
    await sleep(RETRY_MS);
  }
}

function happened(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
