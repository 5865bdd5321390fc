import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Who the server runs as when this process is root: PostgreSQL itself refuses to be root. */
export type Account = { readonly uid: number; readonly gid: number; readonly name: string };

/** Starts a program of PostgreSQL as the right user. */
export type Launch = (command: string, args: readonly string[], options?: SpawnOptions) => ChildProcess;

/** The account to run as: nobody else's for a normal user; for root the cluster's owner, else `postgres`, else `nobody`. */
export async function accountFor(cluster: string): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = await stat(cluster).catch(() => undefined);
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}` };
  const accounts = await readFile('/etc/passwd', 'utf8');
  for (const name of ['postgres', 'nobody']) {
    const [, uid, gid] = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(accounts) ?? [];
    if (uid && gid && uid !== '0') return { uid: Number(uid), gid: Number(gid), name };
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and neither a user "postgres" nor "nobody" exists here. ' +
      'Start the service as a normal user, or set DATABASE_URL to a PostgreSQL server of your own.',
  );
}

/**
 * Finds the way to start programs as the account with the fewest privileges that reaches both the directory and the program:
 * none; the capability to search directories, for a checkout or data below one that is closed to the account (/root, say); the one to
 * pass over all permissions, where a container's bounding set has no other. Throws when none does, saying what to do.
 */
export async function launcherFor(account: Account | undefined, directory: string, program: string): Promise<Launch> {
  if (!account) return (command, args, options) => spawn(command, args, { ...surroundings, ...options });
  const candidates = [asAccount(account), withCapability(account, 'dac_read_search'), withCapability(account, 'dac_override')];
  const failures: string[] = [];
  for (const candidate of candidates) {
    const failure = await reach(candidate, directory, program);
    if (failure === undefined) return candidate;
    failures.push(failure);
  }
  throw new Error(
    `PostgreSQL cannot run as root, and its user (${account.name}) can reach ${directory} or ${program} in no way: ${failures.join('; ')}. ` +
      'Install setpriv (package util-linux), or move both to where that user may go, or start the service as a normal user, ' +
      'or set DATABASE_URL to a PostgreSQL server of your own.',
  );
}

// The service's environment holds its secrets, and PG* and LC_* variables would change what the programs do: neither is passed on.
const surroundings: SpawnOptions = { cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' } };

const asAccount =
  ({ uid, gid }: Account): Launch =>
  (command, args, options) =>
    spawn(command, args, { ...surroundings, ...options, uid, gid });

/**
 * no_setuid_fixup is what makes it work: without that bit access(2) leaves capabilities out of account for every user but root, and
 * PostgreSQL asks by access(2) whether its own binary can be read. The bounding set keeps the rest from ever coming back.
 */
const withCapability =
  ({ uid, gid }: Account, capability: string): Launch =>
  (command, args, options) => {
    const only = `-all,+${capability}`;
    const identity = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--securebits=+no_setuid_fixup'];
    const capabilities = [`--bounding-set=${only}`, `--inh-caps=${only}`, `--ambient-caps=${only}`];
    return spawn('setpriv', [...identity, ...capabilities, command, ...args], { ...surroundings, ...options });
  };

/** Tries it out, which knows of access lists and mounts what mode bits do not tell. Answers what went wrong, or nothing. */
async function reach(launch: Launch, directory: string, program: string): Promise<string | undefined> {
  const child = launch('sh', ['-c', 'cd -- "$1" && exec "$2" --version', 'sh', directory, program], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code) => resolve(code === 0 ? undefined : said.trim() || `exit code ${code}`));
  });
}

/** Gives a directory and all in it to the account; nothing to do for a normal user. */
export async function giveTo(account: Account | undefined, directory: string): Promise<void> {
  if (!account) return;
  await promisify(execFile)('chown', ['-R', '-h', `${account.uid}:${account.gid}`, '--', directory]);
}
