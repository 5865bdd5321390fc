import { mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { type Account, giveTo, type Launch } from './run-as.ts';

export type Creation = {
  readonly root: string;
  readonly cluster: string;
  readonly account: Account | undefined;
  readonly launch: Launch;
  readonly binaries: Binaries;
  /** Whether the files are flushed before the cluster gets its name. */
  readonly sync: boolean;
};

/** Initialises beside and renames, so that a cluster is there whole or not at all. */
export async function createCluster({ root, cluster, account, launch, binaries, sync }: Creation): Promise<void> {
  const unfinished = (await readdir(root)).filter((name) => name.startsWith('cluster.new-'));
  for (const name of unfinished) await rm(join(root, name), { recursive: true, force: true, maxRetries: 5 });
  const staging = await mkdtemp(join(root, 'cluster.new-'));
  await giveTo(account, staging);
  // C.UTF-8 of the builtin provider knows upper and lower case of every script and sorts alike on every machine.
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${join(root, 'password')}`];
  await run(launch, binaries.initdb, [`--pgdata=${staging}`, ...locale, ...access, '--no-instructions', ...(sync ? [] : ['--no-sync'])]);
  await rename(staging, cluster);
  await syncDirectory(root);
}

async function run(launch: Launch, command: string, args: readonly string[]): Promise<void> {
  const child = launch(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...end) => resolve(end));
  });
  if (code === 0) return;
  const reason = said.trim() || (signal ?? `exit code ${code}`);
  throw new Error(`The database could not be created: ${reason}. Mend that, or set DATABASE_URL to a PostgreSQL server of your own.`);
}

/** Makes names that were given in a directory outlast a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  await handle.sync();
  await handle.close();
}
