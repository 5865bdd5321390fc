import { hash } from 'node:crypto';
import type pg from 'pg';
import { isConnectionFailure, translated } from './connection-failure.ts';
import { takeRoleOfOwner } from './owner-role.ts';

export type Migration = { readonly name: string; readonly sql: string };

/**
 * The migrations of one part of the service, in their order. Names are unique within a part. Where a schema of the part's name belongs to
 * another role, they run as that one.
 */
export type MigrationPart = { readonly part: string; readonly migrations: readonly Migration[] };

export type AppliedMigration = { readonly part: string; readonly name: string };

/** The database's history and this binary's migrations contradict each other, or a migration failed. The message names which. */
export class MigrationError extends Error {
  constructor(part: string, name: string, problem: string, options?: ErrorOptions) {
    super(`Migration ${part}/${name} ${problem}`, options);
    this.name = 'MigrationError';
  }
}

/**
 * Applies what is missing, part by part and forward only, each migration in one transaction with the row that remembers it. Answers what
 * was applied. Instances that start at once wait for each other. Migrations that only a newer binary knows are left alone.
 * Throws MigrationError, or DatabaseUnavailable.
 */
export async function migrate(pool: pg.Pool, parts: readonly MigrationPart[]): Promise<AppliedMigration[]> {
  const client = await pool.connect().catch((error) => {
    throw translated(error);
  });
  try {
    // Session settings, and a lock that ends with the session: the connection is not given back to the pool but closed.
    await client.query(`set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0`);
    await client.query(`select pg_advisory_lock(hashtextextended('tasktrail_migrations', 0))`);
    await client.query(historyTable);
    const applied: AppliedMigration[] = [];
    for (const part of parts) applied.push(...(await migratePart(client, part)));
    return applied;
  } catch (error) {
    throw translated(error);
  } finally {
    client.release(true);
  }
}

const historyTable = `
  create table if not exists public.tasktrail_migrations (
    part text not null,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now(),
    primary key (part, name)
  )`;

async function migratePart(client: pg.PoolClient, { part, migrations }: MigrationPart): Promise<AppliedMigration[]> {
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from public.tasktrail_migrations where part = $1',
    [part],
  );
  const missing = missingMigrations(part, migrations, new Map(rows.map(({ name, checksum }) => [name, checksum])));
  for (const migration of missing) await apply(client, part, migration);
  return missing.map(({ name }) => ({ part, name }));
}

/** Those to apply: all after the last applied one. Throws when one was edited after it was applied, or put in before such a one. */
function missingMigrations(part: string, migrations: readonly Migration[], checksums: ReadonlyMap<string, string>): Migration[] {
  const missing: Migration[] = [];
  for (const migration of migrations) {
    const applied = checksums.get(migration.name);
    if (applied === undefined) {
      missing.push(migration);
      continue;
    }
    if (applied !== checksumOf(migration)) throw new MigrationError(part, migration.name, 'was changed after it had been applied.');
    const skipped = missing[0];
    if (skipped) throw new MigrationError(part, skipped.name, `comes before ${migration.name}, which is applied already: only append.`);
  }
  return missing;
}

async function apply(client: pg.PoolClient, part: string, migration: Migration): Promise<void> {
  try {
    await client.query('begin');
    await takeRoleOfOwner(client, part);
    await client.query(migration.sql);
    await client.query('set local role none');
    await client.query('insert into public.tasktrail_migrations (part, name, checksum) values ($1, $2, $3)', [
      part,
      migration.name,
      checksumOf(migration),
    ]);
    await client.query('commit');
  } catch (cause) {
    if (isConnectionFailure(cause)) throw cause;
    throw new MigrationError(part, migration.name, `failed: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function checksumOf({ sql }: Migration): string {
  return hash('sha256', sql);
}
