import { hash } from 'node:crypto';
import type pg from 'pg';
import { translated } from '../postgres/connection-failure.ts';
import type { Standing } from './sliding-windows.ts';

export interface AttemptWindow {
  limit: number;
  /** Milliseconds. */
  length: number;
}

/** A sliding window that is exact over all instances: one statement for each attempt, for what costs far more than that itself. */
export interface AttemptLog {
  /** Lets an attempt through and remembers it, or refuses it. @throws DatabaseUnavailable */
  take(key: readonly string[], window: AttemptWindow): Promise<Standing>;
  /** Forgets the last attempt that was let through: it turned out to be none that counts. @throws DatabaseUnavailable */
  giveBack(key: readonly string[]): Promise<void>;
}

// The row is locked before the subquery looks at it, and the clock is read after that: of attempts at once each sees those before it.
const takeOne = `
  insert into rate_limits.attempts as log (key, at, let_through, expires_at)
  values ($1, array[clock_timestamp()], true, clock_timestamp() + $3::interval)
  on conflict (key) do update set (at, let_through, expires_at) = (
    select case when cardinality(kept) < $2 then kept || moment else kept end, cardinality(kept) < $2, moment + $3::interval
      from (select clock_timestamp() as moment offset 0) as clock
      cross join lateral (select array(select one from unnest(log.at) as one where one > moment - $3::interval order by one) as kept) as window_of)
  returning not let_through as refused, greatest(0, $2 - cardinality(at)) as remaining,
    extract(epoch from at[greatest(1, cardinality(at) - $2 + 1)] + $3::interval)::float8 * 1000 as "resetAt",
    extract(epoch from at[greatest(1, cardinality(at) - $2 + 1)] + $3::interval - clock_timestamp())::float8 * 1000 as wait`;

export function attemptLog(pool: pg.Pool): AttemptLog {
  return {
    async take(key, { limit, length }) {
      const values = [digestOf(key), limit, `${length} milliseconds`];
      const { rows } = await pool.query<Omit<Standing, 'limit'>>(takeOne, values).catch((error) => {
        throw translated(error);
      });
      return { limit, ...rows[0]! };
    },
    async giveBack(key) {
      const forgetLast = 'update rate_limits.attempts set at = at[: cardinality(at) - 1] where key = $1';
      await pool.query(forgetLast, [digestOf(key)]).catch((error) => {
        throw translated(error);
      });
    },
  };
}

function digestOf(key: readonly string[]): Buffer {
  return hash('sha256', JSON.stringify(key), 'buffer');
}
