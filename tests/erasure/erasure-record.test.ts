import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openErasureRecord, readErasureRecord } from '../../src/erasure/erasure-record.ts';
import { runTool } from '../tools/run-tool.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-record-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const aWish = () => ({ user_id: randomUUID(), transfer_to: null, requested_at: new Date().toISOString() });

test('the record of erasures outlives its process, keeps each once, and gets over a line that was cut off', async () => {
  const file = join(directory, 'not', 'there', 'erasures.ndjson');
  const [first, second, third] = [aWish(), aWish(), aWish()];
  const record = await openErasureRecord(file);
  expect(record.all()).toEqual([]);
  await record.add([first, second]);
  await record.add([first]);
  await writeFile(file, `${await readFile(file, 'utf8')}{"user_id":"${third.user_id}","trans`);
  const again = await openErasureRecord(file);
  expect(again.all()).toEqual([first, second]);
  await again.add([third, second]);
  expect(await readErasureRecord(file)).toEqual([first, second, third]);
});

test('the tool adds the erasures of another record to the one of the installation', async () => {
  const [here, there] = [aWish(), aWish()];
  const file = join(directory, 'kept.ndjson');
  await (await openErasureRecord(file)).add([here, there]);
  await (await openErasureRecord(join(directory, 'erasures.ndjson'))).add([here]);
  const { code, stdout } = await runTool('erase-again', [file], { DATA_DIR: directory });
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('1 of 2 erasures were not known here') });
  expect(await readErasureRecord(join(directory, 'erasures.ndjson'))).toEqual([here, there]);
  expect(await runTool('erase-again', [join(directory, 'nothing')], { DATA_DIR: directory })).toMatchObject({ code: 1 });
});
