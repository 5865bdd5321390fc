import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { accountFor, giveTo, type Launch, launcherFor } from '../../../src/platform/postgres/run-as.ts';

let parent: string;
let directory: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'tasktrail-run-as-'));
  directory = join(parent, 'data');
  await mkdir(directory, { mode: 0o755 });
  await writeFile(join(directory, 'program'), '#!/bin/sh\necho version\n', { mode: 0o755 });
});
afterEach(() => rm(parent, { recursive: true, force: true }));

/** What a program says when it is launched. */
async function output(launch: Launch, command: string, ...args: string[]): Promise<string> {
  const child = launch(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  await once(child, 'close');
  return said.trim();
}

test('a program gets nothing of the environment, which holds secrets', async () => {
  process.env.SECRET_OF_A_TEST = 'canary';
  const launch = await launcherFor(undefined, directory, join(directory, 'program'));
  const variables = await output(launch, 'env');
  delete process.env.SECRET_OF_A_TEST;
  expect(variables).toContain('LC_ALL=C');
  expect(variables).not.toContain('canary');
});

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;

asRoot('as root', () => {
  // Asks by access(2), as PostgreSQL does of its own binary.
  const canRead = `process.stdout.write(String(require('fs').existsSync(process.argv[1])))`;

  test('the account is postgres or nobody, never root, until somebody owns the cluster', async () => {
    const account = await accountFor(join(directory, 'cluster'));
    expect(['postgres', 'nobody']).toContain(account?.name);
    expect(account?.uid).toBeGreaterThan(0);
    await giveTo({ uid: 4321, gid: 4322, name: 'somebody' }, directory);
    expect(await accountFor(directory)).toMatchObject({ uid: 4321, gid: 4322 });
  });

  test('an open directory is reached without any privilege', async () => {
    await chmod(parent, 0o755);
    const launch = await launcherFor(await accountFor(directory), directory, join(directory, 'program'));
    expect(await output(launch, 'grep', 'CapPrm', '/proc/self/status')).toMatch(/^CapPrm:\s+0+$/);
  });

  test('a closed one is reached with the capability to search directories, also when a program asks beforehand', async () => {
    await chmod(parent, 0o700);
    const launch = await launcherFor(await accountFor(directory), directory, join(directory, 'program'));
    const status = await readFile('/proc/self/status', 'utf8');
    const mayHaveSearch = BigInt(`0x${/^CapBnd:\s*(\w+)$/m.exec(status)?.[1]}`) & 4n;
    expect(await output(launch, 'grep', 'CapPrm', '/proc/self/status')).toMatch(mayHaveSearch ? /^CapPrm:\s+0+4$/ : /^CapPrm:\s+0+2$/);
    expect(await output(launch, process.execPath, '-e', canRead, join(directory, 'program'))).toBe('true');
  });

  test('a program that the account may not run at all is reached with the capability to pass over permissions', async () => {
    await chmod(join(directory, 'program'), 0o700);
    const launch = await launcherFor(await accountFor(join(directory, 'cluster')), directory, join(directory, 'program'));
    expect(await output(launch, 'grep', 'CapPrm', '/proc/self/status')).toMatch(/^CapPrm:\s+0+2$/);
  });

  test('where no way leads there, the error names what can be done', async () => {
    const account = { uid: 4321, gid: 4322, name: 'somebody' };
    const starting = launcherFor(account, directory, join(directory, 'missing'));
    await expect(starting).rejects.toThrow(/somebody.*missing.*setpriv.*DATABASE_URL/s);
  });
});
