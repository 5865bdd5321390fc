import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { Watch } from '../../../../src/events/store/eventstoredb/watch.ts';

test('silence is told once, after its time', async () => {
  const watch = new Watch();
  let told = 0;
  const begun = performance.now();
  await new Promise<void>((resolve) => {
    watch.begin(300, () => {
      told++;
      resolve();
    });
  });
  expect(performance.now() - begun).toBeGreaterThan(250);
  await sleep(400);
  expect(told).toBe(1);
});

test('a sign of life begins the time anew, the end of the call ends it', async () => {
  const watch = new Watch();
  const told: string[] = [];
  const lively = watch.begin(300, () => told.push('lively'));
  const short = watch.begin(300, () => told.push('short'));
  watch.begin(500, () => told.push('silent'));
  short.end();
  for (let n = 0; n < 8; n++) {
    await sleep(100);
    lively.heard();
  }
  lively.end();
  expect(told).toEqual(['silent']);
});

test('the time in which this process was frozen does not count', async () => {
  const watching = spawn(process.execPath, [join(import.meta.dirname, 'watching.ts')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [ready] = await once(watching.stdout, 'data');
  expect(String(ready)).toBe('watching\n');
  execFileSync('kill', ['-STOP', String(watching.pid)]);
  await sleep(1_500);
  const told = once(watching.stdout, 'data');
  execFileSync('kill', ['-CONT', String(watching.pid)]);
  const [heard] = await told;
  // Were it to count, this would be noticed at once after those one and a half seconds.
  expect(Number(heard)).toBeGreaterThan(1_700);
});
