import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { clusterName } from '../../../src/platform/postgres/cluster.ts';
import { DirectoryInUse } from '../../../src/platform/postgres/directory-lock.ts';
import { startEmbeddedPostgres } from '../../../src/platform/postgres/embedded.ts';
import { becomesTrue, isAlive } from '../../../src/platform/postgres/processes.ts';
import { processesOf, query, quick, servers } from './servers.ts';

const { emptyDirectory, usedDirectory, start, startOwner } = servers();

const keepSomething = (connectionString: string) =>
  query(connectionString, 'drop table if exists kept; create table kept as select 42 as answer');
const kept = async (connectionString: string) => (await query<{ answer: number }>(connectionString, 'table kept'))[0]?.answer;

describe('a first start', () => {
  test('makes a durable UTF-8 database for a role that is no superuser, closed to the network', async () => {
    const directory = join(await emptyDirectory(), 'data', 'postgres');
    const { connectionString, pid } = await start(directory, {});
    const [found] = await query(
      connectionString,
      `select current_database() as database, usesuper as super, current_setting('server_encoding') as encoding, lower('ÄÖ') as lower,
              current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, current_setting('wal_level') as wal,
              current_setting('listen_addresses') as listens, current_setting('timezone') as zone
         from pg_user where usename = current_user`,
    );
    expect(found).toEqual({
      database: 'tasktrail',
      super: false,
      encoding: 'UTF8',
      lower: 'äö',
      fsync: 'on',
      commit: 'on',
      wal: 'replica',
      listens: '',
      zone: 'UTC',
    });
    expect(isAlive(pid)).toBe(true);
    expect((await stat(join(directory, 'password'))).mode & 0o777).toBe(0o600);
  }, 30_000);

  test('starts over where an earlier one was cut off in the midst of it', async () => {
    const directory = await emptyDirectory();
    await mkdir(join(directory, 'cluster.new-abc'));
    await writeFile(join(directory, 'cluster.new-abc', 'PG_VERSION'), '18\n');
    await start(directory);
    expect((await readdir(directory)).filter((name) => name.startsWith('cluster'))).toEqual(['cluster']);
  }, 30_000);
});

describe('a later start', () => {
  test('has the data of the one before', async () => {
    const directory = usedDirectory();
    const first = await start(directory);
    await keepSomething(first.connectionString);
    await first.stop();
    const second = await start(directory);
    expect(second.connectionString).toBe(first.connectionString);
    expect(await kept(second.connectionString)).toBe(42);
  });

  test('works after the directory was moved to an unusual name, and to one too long for a socket', async () => {
    const directory = usedDirectory();
    for (const name of ['My, "old" Däta %20', 'long'.repeat(30)]) {
      const moved = join(directory, '..', name);
      await rename(directory, moved);
      const server = await start(moved);
      expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
      const elsewhere = join(tmpdir(), await clusterName(join(moved, 'cluster')));
      await server.stop();
      await expect(stat(elsewhere)).rejects.toThrow('ENOENT');
      await rename(moved, directory);
    }
  });

  test('that fails says why in the words of the server, and leaves the directory free', async () => {
    const directory = usedDirectory();
    await expect(start(directory, { shared_buffers: 'plenty' })).rejects.toThrow(
      /did not start.*invalid value for parameter "shared_buffers"/,
    );
    await start(directory);
  });

  test('can be given up', async () => {
    const directory = usedDirectory();
    const starting = startEmbeddedPostgres({ directory, settings: quick, log: () => {}, signal: AbortSignal.abort(new Error('given up')) });
    await expect(starting).rejects.toThrow('given up');
    expect(await processesOf(directory)).toEqual([]);
    await start(directory);
  });
});

describe('a directory in use', () => {
  test('is refused, naming it and the process that holds it, until that one stops', async () => {
    const directory = usedDirectory();
    const server = await start(directory);
    await expect(start(directory)).rejects.toThrow(DirectoryInUse);
    const other = await startOwner(directory);
    expect(other.answer.error).toContain(`${directory} is in use by another instance (process ${process.pid})`);
    expect(isAlive(server.pid)).toBe(true);
    await server.stop();
    await start(directory);
  });

  test('is free when its holder is dead, whoever has the number of that process now', async () => {
    const directory = usedDirectory();
    await writeFile(join(directory, 'holder'), `${process.pid}\n`);
    await start(directory);
  });

  test('of an instance that cannot be seen is known by the server that answers on its socket', async () => {
    const directory = usedDirectory();
    const server = await start(directory);
    // As from another container: the lock does not bind, the process id means nothing.
    const lock = join(directory, 'lock');
    await rm(lock);
    const file = join(directory, 'cluster', 'postmaster.pid');
    await writeFile(file, (await readFile(file, 'utf8')).replace(/^\d+/, '999999999'));
    await expect(start(directory)).rejects.toThrow('cannot be seen from here');
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('the server of a killed service', () => {
  test('is not confused with a stranger that was given its number, which is left alone', async () => {
    const directory = usedDirectory();
    const { uid, gid } = await stat(join(directory, 'cluster'));
    const stranger = spawn('sleep', ['60'], { uid, gid, stdio: 'ignore' });
    try {
      const cluster = join(directory, 'cluster');
      await writeFile(join(cluster, 'postmaster.pid'), `${stranger.pid}\n${cluster}\n1\n5432\n\n\n  1 1\nready   \n`);
      await chown(join(cluster, 'postmaster.pid'), uid, gid);
      await start(directory);
      expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
    } finally {
      stranger.kill();
    }
  });

  test('is not confused with the server of the directory that this one was copied from', async () => {
    const directory = usedDirectory();
    const original = await start(directory);
    await keepSomething(original.connectionString);
    const copy = join(await emptyDirectory(), 'postgres');
    execFileSync('cp', ['-a', directory, copy]);
    await rm(join(copy, 'lock'));
    const server = await start(copy);
    expect(await kept(server.connectionString)).toBe(42);
    expect(isAlive(original.pid)).toBe(true);
    expect(await kept(original.connectionString)).toBe(42);
  });
});

describe('a server that dies', () => {
  test('is started again by itself at the same address, with the data, though a busy backend outlived it', async () => {
    const directory = usedDirectory();
    const server = await start(directory);
    await keepSomething(server.connectionString);
    const busy = query(
      server.connectionString,
      `do $$ begin while clock_timestamp() < now() + interval '30 s' loop end loop; end $$`,
    ).catch((error: Error) => error.message);
    expect(await becomesTrue(async () => (await processesOf(directory)).some(({ command }) => command.endsWith('DO')), 5_000)).toBe(true);
    const { pid, exited } = server;
    process.kill(pid, 'SIGKILL');
    expect(await exited).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await becomesTrue(async () => server.pid !== pid, 20_000)).toBe(true);
    expect(await kept(server.connectionString)).toBe(42);
    expect(await busy).toMatch(/Connection terminated/);
    expect(server.lines.filter((line) => !line.startsWith('postgres: '))).toEqual([
      `PostgreSQL (pid ${pid}) ended unexpectedly (SIGKILL); starting it again`,
      expect.stringMatching(/^killing 1 PostgreSQL backends that outlived their server: \d+$/),
      `PostgreSQL runs again (pid ${server.pid})`,
    ]);
  }, 30_000);

  test('is tried again until it starts', async () => {
    const directory = usedDirectory();
    const server = await start(directory);
    const { pid } = server;
    const control = join(directory, 'cluster', 'global', 'pg_control');
    process.kill(pid, 'SIGSTOP');
    execFileSync('mv', [control, `${control}.away`]);
    process.kill(pid, 'SIGKILL');
    const failures = () => server.lines.filter((line) => line.startsWith('PostgreSQL could not be started again')).length;
    expect(await becomesTrue(async () => failures() >= 2, 10_000)).toBe(true);
    execFileSync('mv', [`${control}.away`, control]);
    expect(await becomesTrue(async () => server.pid !== pid, 10_000)).toBe(true);
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  }, 30_000);
});

describe('stopping', () => {
  test('ends every process and frees the directory, with clients connected, however often it is asked for', async () => {
    const directory = usedDirectory();
    const server = await start(directory);
    const waiting = query(server.connectionString, 'select pg_sleep(60)').catch((error) => error.code);
    await sleep(200);
    await Promise.all([server.stop(), server.stop()]);
    expect(await waiting).toBe('57P01');
    await server.stop();
    expect(await processesOf(directory)).toEqual([]);
    expect((await readdir(directory)).sort()).toEqual(['cluster', 'lock', 'password']);
  });

  test('holds in the midst of a restart', async () => {
    const directory = usedDirectory();
    const server = await start(directory);
    process.kill(server.pid, 'SIGKILL');
    await server.exited;
    await sleep(150);
    await server.stop();
    await sleep(200);
    expect(await processesOf(directory)).toEqual([]);
  });
});

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('as root', () => {
  test('the server runs as another user, who owns the cluster and nothing beside it, without any privilege', async () => {
    const directory = usedDirectory();
    const server = await start(directory);
    const { uid } = await stat(join(directory, 'cluster'));
    expect(uid).not.toBe(0);
    expect((await stat(`/proc/${server.pid}`)).uid).toBe(uid);
    expect((await stat(directory)).uid).toBe(0);
    expect(await capabilitiesOf(server.pid)).toBe(0n);
  });

  test('below a directory that is closed to that user the server has the one capability to get there', async () => {
    const directory = usedDirectory();
    await chmod(join(directory, '..'), 0o700);
    try {
      const server = await start(directory);
      expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
      const [dacOverride, dacReadSearch] = [1n << 1n, 1n << 2n];
      expect([dacOverride, dacReadSearch]).toContain(await capabilitiesOf(server.pid));
    } finally {
      await chmod(join(directory, '..'), 0o755);
    }
  });

  test('a cluster that root owns, from a backup perhaps, is given to that user', async () => {
    const directory = usedDirectory();
    execFileSync('chown', ['-R', '0:0', directory]);
    const server = await start(directory);
    expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

const nobody = { uid: 65534, gid: 65534 };
const asNormalUser = process.getuid?.() === 0 && canRead(join(import.meta.dirname, 'owner.ts')) ? describe : describe.skip;

asNormalUser('as a normal user', () => {
  test('a first start works, and so do root and that user in turn on the same data', async () => {
    const parent = await emptyDirectory();
    await chown(parent, nobody.uid, nobody.gid);
    const directory = join(parent, 'postgres');
    const first = await startOwner(directory, nobody);
    await keepSomething(first.answer.connectionString);
    await first.stop();
    const asRoot = await start(directory);
    expect((await stat(`/proc/${asRoot.pid}`)).uid).toBe(nobody.uid);
    await asRoot.stop();
    const again = await startOwner(directory, nobody);
    expect(await kept(again.answer.connectionString)).toBe(42);
  }, 30_000);

  test("another user's directory is refused with what can be done about it", async () => {
    const directory = usedDirectory();
    const { answer } = await startOwner(directory, nobody);
    expect(answer.error).toMatch(/cannot be used by this process \(uid 65534\).*EACCES.*DATABASE_URL/);
  });
});

function canRead(file: string): boolean {
  return spawnSync('cat', [file], { ...nobody, stdio: 'ignore' }).status === 0;
}

async function capabilitiesOf(pid: number): Promise<bigint> {
  const [, effective] = /^CapEff:\s*(\w+)$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return BigInt(`0x${effective}`);
}
