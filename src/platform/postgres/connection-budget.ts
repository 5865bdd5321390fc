import type pg from 'pg';
import { type Pools, poolNames, poolSizes } from './pools.ts';

/** What opens connections beside the pools. */
export interface DedicatedConnections {
  /** Each generation that is written has one connection with its lock and one that writes. */
  readModels: number;
  /** Likewise. */
  subscribers: number;
  /** Whether the log is in this database: one connection appends, one listens. */
  hasLog: boolean;
}

/** Of one read model at a time: the live generation, one that is being made, and those that were live before and are kept for a while. */
export const MAX_FORMER_GENERATIONS = 2;
const MAX_GENERATIONS = 2 + MAX_FORMER_GENERATIONS;
/** The connection that says that a service works on the database, and the one that hears of account changes. */
const ALWAYS = 2;
/** Connections that are left to tools that run beside the service, and to whoever looks after the server. */
export const RESERVED = 10;

/** How many connections one instance opens at most, with every part in use. */
export function maxConnections(poolMax: number, { readModels, subscribers, hasLog }: DedicatedConnections): number {
  const pooled = Object.values(poolSizes(poolMax)).reduce((sum, size) => sum + size, 0);
  return pooled + ALWAYS + (hasLog ? 2 : 0) + readModels * MAX_GENERATIONS * 2 + subscribers * 2;
}

/**
 * Holds the pools against what the server allows, and makes them smaller where they do not fit.
 * @param report told what to change
 */
export async function fitPools(
  pools: Pools,
  poolMax: number,
  dedicated: DedicatedConnections,
  report: (message: string) => void,
): Promise<void> {
  const allowed = (await readConnectionLimit(pools.control)) - RESERVED;
  const needed = maxConnections(poolMax, dedicated);
  if (needed <= allowed) return;
  let fitting = poolMax;
  while (fitting > 1 && maxConnections(fitting, dedicated) > allowed) fitting--;
  const sizes = poolSizes(fitting);
  for (const name of poolNames) pools[name].options.max = sizes[name];
  const isEnough = maxConnections(fitting, dedicated) <= allowed;
  report(
    `DATABASE_POOL_MAX=${poolMax} does not fit: this instance opens up to ${needed} connections, and the server leaves it ${allowed}. ` +
      `${isEnough ? `It goes on with ${fitting}; set that, or` : `Even 1 needs ${maxConnections(fitting, dedicated)};`} raise max_connections of the server.`,
  );
}

/** How many connections the server gives to this role and database. */
async function readConnectionLimit(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ limit: number }>(
    `select least(
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
         - coalesce(current_setting('reserved_connections', true)::int, 0),
       (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
       (select nullif(datconnlimit, -1) from pg_database where datname = current_database())
     ) as limit`,
  );
  return rows[0]!.limit;
}
