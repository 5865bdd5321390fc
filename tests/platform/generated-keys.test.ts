import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { keysFor } from '../../src/platform/generated-keys.ts';

const given = { secret: 's'.repeat(32), master: 'm'.repeat(32), signing: 'g'.repeat(32) };
let parent: string;
let directory: string;
beforeEach(() => {
  parent = mkdtempSync(path.join(tmpdir(), 'tasktrail-keys-'));
  directory = path.join(parent, 'data');
});
afterEach(() => rmSync(parent, { recursive: true }));

const file = () => path.join(directory, 'keys.json');

test('keys are made once, each another, for their owner only, and stay', async () => {
  const keys = await keysFor(directory, {});
  const made = [keys.secret, keys.master, keys.signing];
  expect(new Set(made).size).toBe(3);
  for (const key of made) expect(key.length).toBeGreaterThanOrEqual(32);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(await keysFor(directory, {})).toEqual(keys);
  expect(readdirSync(directory)).toEqual(['keys.json']);
});

test('instances that start at once get the same ones', async () => {
  for (let round = 0; round < 5; round++) {
    directory = path.join(parent, `data-${round}`);
    const all = await Promise.all(Array.from({ length: 20 }, (_, i) => sleep(i / 2).then(() => keysFor(directory, {}))));
    expect(new Set(all.map((keys) => JSON.stringify(keys))).size).toBe(1);
    expect(readdirSync(directory)).toEqual(['keys.json']);
  }
});

test('a given key is used, and never written down', async () => {
  const keys = await keysFor(directory, { secret: given.secret });
  expect(keys.secret).toBe(given.secret);
  expect(readFileSync(file(), 'utf8')).not.toContain(given.secret);
});

test('nothing is made where all are given', async () => {
  expect(await keysFor(directory, given)).toEqual(given);
  expect(existsSync(directory)).toBe(false);
});

test('a file that others could read is closed to them', async () => {
  await keysFor(directory, {});
  chmodSync(file(), 0o644);
  await keysFor(directory, {});
  expect(statSync(file()).mode & 0o777).toBe(0o600);
});

test.each(['', '{', '{}', '{"SECRET_KEY":"short"}'])(
  'a file that holds no keys stops the start, and is left as it is: %s',
  async (text) => {
    await keysFor(directory, {});
    writeFileSync(file(), text);
    await expect(keysFor(directory, {})).rejects.toThrow(/keys\.json holds no keys/);
    expect(readFileSync(file(), 'utf8')).toBe(text);
  },
);
