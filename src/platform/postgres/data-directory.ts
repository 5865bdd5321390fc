import { randomBytes } from 'node:crypto';
import { access, chmod, constants, mkdir, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { createCluster, syncDirectory } from './create-cluster.ts';
import { type DirectoryLock, lockDirectory } from './directory-lock.ts';
import { type Account, accountFor, giveTo, type Launch, launcherFor } from './run-as.ts';
import { socketDirectoryFor } from './socket-directory.ts';

/** A directory locked for this process, with an initialised cluster in it and all that is needed to start a server on it. */
export type DataDirectory = {
  readonly cluster: string;
  readonly socketDirectory: string;
  readonly password: string;
  readonly launch: Launch;
  readonly lock: DirectoryLock;
};

/**
 * Creates what is missing below the directory: `cluster` (PostgreSQL's own), `password` (0600), `socket`. As root only `cluster` and
 * `socket` belong to PostgreSQL's user, so that it cannot plant links where root writes.
 */
export async function openDataDirectory(directory: string, binaries: Binaries, sync: boolean): Promise<DataDirectory> {
  const root = await usableDirectory(directory);
  const lock = await lockDirectory(root);
  try {
    const cluster = join(root, 'cluster');
    const account = await accountFor(cluster);
    if (account) await chmod(root, 0o711);
    const launch = await launcherFor(account, root, binaries.postgres);
    const password = await passwordIn(root, account);
    if (!(await exists(join(cluster, 'PG_VERSION')))) await createCluster({ root, cluster, account, launch, binaries, sync });
    else if (account && (await stat(cluster)).uid !== account.uid) await giveTo(account, cluster);
    return { cluster, password, launch, lock, socketDirectory: await socketDirectoryFor(root, cluster, account) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function usableDirectory(directory: string): Promise<string> {
  try {
    await mkdir(dirname(directory), { recursive: true });
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    return await realpath(directory);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(
      `The database directory ${directory} cannot be used by this process (uid ${process.getuid?.()}): ${reason}. ` +
        'Choose another directory, start as the user it belongs to, or set DATABASE_URL to a PostgreSQL server of your own.',
      { cause },
    );
  }
}

/** The password is on disk before the cluster that was made with it: a crash must not lock us out. */
async function passwordIn(root: string, account: Account | undefined): Promise<string> {
  const file = join(root, 'password');
  if (!(await exists(file))) {
    if (await exists(join(root, 'cluster', 'PG_VERSION'))) throw new Error(`The database's password is missing: ${file} must be restored.`);
    await rm(`${file}.new`, { force: true });
    const handle = await open(`${file}.new`, 'wx', 0o600);
    await handle.writeFile(`${randomBytes(24).toString('hex')}\n`);
    await handle.sync();
    await handle.close();
    await giveTo(account, `${file}.new`);
    await rename(`${file}.new`, file);
    await syncDirectory(root);
  }
  return (await readFile(file, 'utf8')).trim();
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
