import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { readPostmasterFile } from './cluster.ts';
import { isConnectionFailure } from './connection-failure.ts';
import { connectionStringTo, DATABASE } from './provision.ts';
import { socketDirectoryOf } from './socket-directory.ts';

/**
 * The address of the embedded server that another process runs on a directory; null when none answers there. Nothing is started or
 * changed, and the server may go with its process at any time. Throws when this user may not use it.
 */
export async function attachEmbeddedPostgres(directory: string): Promise<string | null> {
  const root = await realpath(directory).catch(ifAbsent);
  if (root === null) return null;
  const cluster = join(root, 'cluster');
  const password = await readFile(join(root, 'password'), 'utf8').catch(ifAbsent);
  if (password === null || !(await readPostmasterFile(cluster))?.ready) return null;
  const access = { socketDirectory: await socketDirectoryOf(root, cluster), password: password.trim() };
  const connectionString = connectionStringTo(access, DATABASE, DATABASE);
  return (await answers(connectionString)) ? connectionString : null;
}

async function answers(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch (error) {
    if (isConnectionFailure(error)) return false;
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}

function ifAbsent(error: NodeJS.ErrnoException): null {
  if (error.code !== 'ENOENT') throw error;
  return null;
}
