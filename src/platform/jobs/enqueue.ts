import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { PgBoss } from 'pg-boss';
import { translated } from '../postgres/connection-failure.ts';
import { retryingConflicts } from '../postgres/retry-conflicts.ts';
import { inTransaction } from '../postgres/transaction.ts';
import { JobLimitReached, type StartOptions } from './definition.ts';
import { type Job, type Payload, queueSchema } from './job-table.ts';
import { jobOptions } from './queue.ts';

export interface EnqueueDependencies {
  boss: PgBoss;
  pool: pg.Pool;
}

/**
 * Puts a job into the queue, counted under a lock of the one for whom it is, so that many at once are counted one after another. The job
 * is returned as it was put there: nothing is read once that is committed.
 * @throws JobLimitReached, DatabaseUnavailable
 */
export async function enqueue({ boss, pool }: EnqueueDependencies, name: string, input: unknown, options: StartOptions): Promise<Job> {
  const { createdBy = null, share, id = randomUUID() } = options;
  const payload: Payload = {
    input,
    createdBy,
    ...(share && { share: { of: share.of, group: share.group, ...(share.key && { key: share.key }) } }),
  };
  const send = async (client: pg.ClientBase): Promise<void> => {
    const unfinished = share ? await countUnfinished(client, id, share) : 0;
    // The more unfinished ones somebody has, the later is the next one's turn.
    const turn = { priority: share ? -unfinished : 0 };
    const db = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
    await boss.send(name, payload, { ...jobOptions, ...turn, id, db });
  };
  await retryingConflicts(() => withClient(pool, (client) => inTransaction(client, () => send(client)))).catch((error) => {
    throw translated(error);
  });
  const never = { startedAt: null, finishedAt: null, error: null };
  return { id, name, data: input, createdBy, status: 'queued', progress: 0, createdAt: new Date(), ...never, parts: [] };
}

async function countUnfinished(
  client: pg.ClientBase,
  id: string,
  { of, group, limit, key }: NonNullable<StartOptions['share']>,
): Promise<number> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('jobs of ' || $1, 0))`, [of]);
  const { rows } = await client.query(unfinishedOf, [of, group, key ?? null, id]);
  const { count, with_key: withKey, is_there: isThere } = rows[0] as { count: number; with_key: number; is_there: boolean };
  // The same job again adds none.
  if (isThere) return 0;
  if (withKey > 0) throw new JobLimitReached('One at a time: wait until the one before has ended', 1);
  if (count >= limit) throw new JobLimitReached(`At most ${limit} at a time: wait until one has ended`, limit);
  return count;
}

async function withClient<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let error: Error | undefined;
  try {
    return await work(client);
  } catch (thrown) {
    error = thrown instanceof JobLimitReached ? undefined : (thrown as Error);
    throw thrown;
  } finally {
    client.release(error);
  }
}

const unfinishedOf = `
  select count(*) filter (where data -> 'share' ->> 'group' = $2)::integer as count,
    count(*) filter (where data -> 'share' ->> 'key' = $3)::integer as with_key,
    coalesce(bool_or(id = $4), false) as is_there
    from ${queueSchema}.job where state < 'completed' and data -> 'share' ->> 'of' = $1`;
