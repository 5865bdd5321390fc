import { join } from 'node:path';
import type pg from 'pg';
import { type Config, loadConfig, readEnvironment } from '../config.ts';
import { openDatabase } from '../database.ts';
import { type SigningKey, signingKey } from '../events/integrity/signing-key.ts';
import { requireMasterKey } from '../events/keys/installation-seal.ts';
import { type Keys, keysFor } from '../platform/generated-keys.ts';
import { attachEmbeddedPostgres } from '../platform/postgres/attach-embedded.ts';
import { DirectoryInUse } from '../platform/postgres/directory-lock.ts';
import { type Tool, UsageError } from './command-line.ts';

/** The same configuration and database that the service has when it is started here. */
export interface Installation {
  config: Config;
  connectionString: string;
  /** A tool has no requests: one pool is all that it uses. */
  pool: pg.Pool;
}

/**
 * Opens the database that the service works on, with every table of this release. One that is embedded is started, or joined where a
 * service runs it just now.
 * @param databaseUrl in the place of DATABASE_URL, where that is not set
 * @throws ConfigError
 */
export async function openInstallation(tool: Tool, databaseUrl?: string): Promise<Installation> {
  const environment = readEnvironment();
  const config = loadConfig({ ...environment, DATABASE_URL: environment.DATABASE_URL || databaseUrl });
  if (databaseUrl !== undefined && config.database.url !== databaseUrl)
    throw new UsageError('DATABASE_URL is set to another PostgreSQL than the one that is asked for');
  return { config, ...(await openOrJoin(config, tool)) };
}

/**
 * The keys of the installation, given or kept with the data, for a tool that seals or opens anything: they are the right ones.
 * @throws WrongMasterKey
 */
export async function requireKeys({ config: { dataDir, keys }, pool }: Pick<Installation, 'config' | 'pool'>): Promise<Keys> {
  const known = await keysFor(dataDir, keys);
  await requireMasterKey(pool, known);
  return known;
}

/** The key that signs the heads of the log, likewise. */
export async function signingKeyOf({ dataDir, keys }: Config): Promise<SigningKey> {
  return signingKey((await keysFor(dataDir, keys)).signing);
}

async function openOrJoin(config: Config, { logger, closing, signal }: Tool) {
  try {
    return await openDatabase(config, logger, closing, signal);
  } catch (error) {
    if (!(error instanceof DirectoryInUse)) throw error;
    const url = await attachEmbeddedPostgres(join(config.dataDir, 'postgres'));
    if (url === null) throw error;
    return openDatabase({ ...config, database: { ...config.database, url } }, logger, closing, signal);
  }
}
