import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, test } from '@jest/globals';
import argon2 from 'argon2';
import { PasswordHasher, type PasswordHasherOptions } from '../../src/accounts/password-hasher.ts';
import { eventually, keptLog, refusal } from './support.ts';

let hasher: PasswordHasher;
const started = (options: Partial<PasswordHasherOptions> = {}) => {
  hasher = new PasswordHasher({ log: keptLog(), ...options });
  return hasher;
};
afterEach(() => hasher.close());

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};
const pidOf = (of: PasswordHasher) =>
  eventually(
    () => of.pid,
    (pid) => pid !== undefined,
  ) as Promise<number>;

describe('the password hasher', () => {
  test('verifies what it hashed, and nothing else', async () => {
    started();
    const digest = await hasher.hash('Correct horse 1', 'ann');
    expect(digest).toMatch(/^\$argon2id\$v=19\$m=19456,p=1,t=2\$/);
    expect(await hasher.verify(digest, 'Correct horse 1', 'ann')).toEqual({ matches: true, isOutdated: false });
    expect(await hasher.verify(digest, 'Correct horse 2', 'ann')).toEqual({ matches: false, isOutdated: false });
    expect(await hasher.hash('Correct horse 1', 'ann')).not.toBe(digest);
  });

  test('takes a password in either Unicode form for the same', async () => {
    started();
    const digest = await hasher.hash('Zo\u00eb Password 1', 'ann');
    expect((await hasher.verify(digest, 'Zoe\u0308 Password 1', 'ann')).matches).toBe(true);
  });

  test('knows a digest that was made with weaker parameters', async () => {
    started();
    const weak = await argon2.hash('Correct horse 1', { type: argon2.argon2id, memoryCost: 4096, timeCost: 2, parallelism: 1 });
    const otherKind = await argon2.hash('Correct horse 1', { type: argon2.argon2i, memoryCost: 19456, timeCost: 2, parallelism: 1 });
    expect(await hasher.verify(weak, 'Correct horse 1', 'ann')).toEqual({ matches: true, isOutdated: true });
    expect(await hasher.verify(otherKind, 'Correct horse 1', 'ann')).toEqual({ matches: true, isOutdated: true });
  });

  test('goes on with what was under way when its process is killed', async () => {
    started();
    const digest = await hasher.hash('Correct horse 1', 'ann');
    const first = await pidOf(hasher);
    const verified = Promise.all(Array.from({ length: 10 }, () => hasher.verify(digest, 'Correct horse 1', 'ann')));
    process.kill(first, 'SIGKILL');
    expect((await verified).every(({ matches }) => matches)).toBe(true);
    expect(await pidOf(hasher)).not.toBe(first);
  });

  test('replaces a process that no longer answers', async () => {
    started({ answerWithin: 500 });
    const digest = await hasher.hash('Correct horse 1', 'ann');
    const first = await pidOf(hasher);
    process.kill(first, 'SIGSTOP');
    expect((await hasher.verify(digest, 'Correct horse 1', 'ann')).matches).toBe(true);
    expect(await pidOf(hasher)).not.toBe(first);
  });

  test('refuses whom it would keep waiting too long, and who would make the queue too long', async () => {
    started({ longestQueue: 3, longestOwnQueue: 3, longestWait: 300 });
    const pid = await pidOf(hasher);
    await hasher.hash('Correct horse 1', 'ann');
    process.kill(pid, 'SIGSTOP');
    const underWay = refusal(hasher.hash('Correct horse 1', 'ann'));
    const begun = performance.now();
    const others = Array.from({ length: 6 }, async () => {
      const outcome = await refusal(hasher.hash('Correct horse 1', 'ann'));
      return `${outcome} ${performance.now() - begun < 200 ? 'at once' : 'after a wait'}`;
    });
    const outcomes = await Promise.all(others);
    // As many as the machine has cores to spare are under way; the rest waits or is refused.
    expect(outcomes.filter((outcome) => outcome === 'OVERLOADED at once').length).toBeGreaterThan(0);
    expect(outcomes.filter((outcome) => outcome === 'OVERLOADED after a wait')).toHaveLength(3);
    process.kill(pid, 'SIGCONT');
    expect(await underWay).toMatch(/^not refused/);
  });

  test('keeps room in its queue for others when one has as many waiting as it may', async () => {
    started({ longestQueue: 100, longestOwnQueue: 2 });
    const pid = await pidOf(hasher);
    process.kill(pid, 'SIGSTOP');
    const own = Array.from({ length: availableParallelism() + 10 }, () => refusal(hasher.hash('Correct horse 1', 'ann')));
    const others = refusal(hasher.hash('Correct horse 1', 'bob'));
    process.kill(pid, 'SIGCONT');
    expect((await Promise.all(own)).filter((outcome) => outcome === 'OVERLOADED').length).toBeGreaterThan(0);
    expect(await others).toMatch(/^not refused/);
  });

  test('gives its process none of the environment', async () => {
    started();
    process.env.SOME_SECRET = 'canary-of-the-environment';
    const environment = await readFile(`/proc/${await pidOf(hasher)}/environ`, 'utf8').catch(() => '');
    expect(environment).not.toContain('canary');
    delete process.env.SOME_SECRET;
  });

  test('takes its process along when the service is killed', async () => {
    started();
    const script = `
      import { PasswordHasher } from ${JSON.stringify(new URL('../../src/accounts/password-hasher.ts', import.meta.url).href)};
      const log = { debug() {}, info() {}, warn() {}, error() {}, named: () => log };
      const hasher = new PasswordHasher({ log });
      await hasher.hash('Correct horse 1', 'ann');
      console.log(hasher.pid);
      setInterval(() => void hasher.hash('Correct horse 1', 'ann'), 20);`;
    const service = spawn(process.execPath, ['--input-type=module', '--eval', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = await once(service.stdout, 'data');
    service.kill('SIGKILL');
    await eventually(
      () => isAlive(Number(said)),
      (alive) => !alive,
    );
  });

  test('ends its process with itself, and refuses what comes later', async () => {
    started();
    const pid = await pidOf(hasher);
    const waiting = Array.from({ length: 3 }, () => refusal(hasher.hash('Correct horse 1', 'ann')));
    await hasher.close();
    expect(isAlive(pid)).toBe(false);
    expect(await Promise.all(waiting)).toEqual(Array(3).fill('SHUTTING_DOWN'));
    expect(await refusal(hasher.hash('Correct horse 1', 'ann'))).toBe('SHUTTING_DOWN');
  });
});
