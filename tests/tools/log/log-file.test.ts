import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StoredEvent, WrappedKey } from '../../../src/events/store/event-store.ts';
import { BadLogFile, openLogFile, writeLogFile } from '../../../src/tools/log/log-file.ts';
import { history } from '../history.ts';

const logId = '00000000-0000-4000-8000-0000000000aa';
const events: StoredEvent[] = [];
const keys: WrappedKey[] = [];
let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-log-file-'));
  file = join(directory, 'log.ndjson');
  for (const { event, key } of history(20, 300)) {
    events.push({ ...event, position: BigInt(events.length + 1) });
    if (key) keys.push(key);
  }
  await write(file);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function* pageOf<T>(items: readonly T[]): AsyncGenerator<readonly T[]> {
  yield items;
}
const write = (name: string) => writeLogFile(name, { logId, keys: pageOf(keys), events: pageOf(events) }, () => {});
async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const items: T[] = [];
  for await (const page of pages) items.push(...page);
  return items;
}

/** A file with the lines of the good one, changed. */
async function changed(change: (lines: string[]) => string[] | string): Promise<string> {
  const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
  const result = change(lines);
  const name = join(directory, `${Math.random()}.ndjson`);
  await writeFile(name, typeof result === 'string' ? result : `${result.join('\n')}\n`);
  return name;
}

describe('a log in a file', () => {
  test('is a line for what it is, one for each key and event, and one for the end; only its owner may read it', async () => {
    const lines = (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(keys.length + events.length + 2);
    expect(lines[0]).toEqual({ format: 'tasktrail log', version: 1, log_id: logId });
    expect(lines[1]).toEqual({ key: keys[0]!.id, subject: keys[0]!.subject, wrapped: keys[0]!.wrapped.toString('base64') });
    const { stream, id, type, metadata, data } = events[0]!;
    const bodies = { metadata: metadata.toString('base64'), data: data.toString('base64') };
    expect(lines[keys.length + 1]).toEqual({ stream, revision: 0, id, type, ...bodies });
    expect(lines.at(-1)).toEqual({ keys: keys.length, events: events.length, sha256: expect.stringMatching(/^[\da-f]{64}$/) });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('gives back what was written, in its order', async () => {
    const log = await openLogFile(file, () => {});
    expect(log).toMatchObject({ logId, contents: { keys: keys.length, events: events.length } });
    expect(await all(log.keys())).toEqual(keys);
    expect(await all(log.pages())).toEqual(events);
    expect(await log.head()).toBe(BigInt(events.length));
  });

  test('is never written over another, and leaves nothing behind when it cannot be finished', async () => {
    await expect(write(file)).rejects.toThrow('is there already');
    async function* failing(): AsyncGenerator<readonly StoredEvent[]> {
      yield events;
      throw new Error('the store has gone');
    }
    const name = join(directory, 'unfinished.ndjson');
    await expect(writeLogFile(name, { logId, keys: pageOf(keys), events: failing() }, () => {})).rejects.toThrow('the store has gone');
    expect((await readdir(directory)).filter((entry) => entry.startsWith('unfinished'))).toEqual([]);
  });

  test.each<[string, (lines: string[]) => string[] | string, RegExp]>([
    ['is empty', () => '', /cut off/],
    ['has no end', (lines) => lines.slice(0, -1), /line 321: the file ends too early/],
    ['ends in the midst of a line', (lines) => lines.join('\n').slice(0, -10), /line 322: the line was cut off/],
    ['lacks an event', (lines) => lines.toSpliced(100, 1), /not the ones that were written/],
    ['lacks a key', (lines) => lines.toSpliced(3, 1), /not the ones that were written/],
    ['has two events in another order', (lines) => lines.toSpliced(100, 2, lines[101]!, lines[100]!), /not the ones that were written/],
    ['has another event', (lines) => lines.toSpliced(100, 1, lines[100]!.replace('"revision":', '"revision":1')), /not the ones that/],
    ['has a line that is no JSON', (lines) => lines.toSpliced(5, 1, 'rubbish'), /line 6: it is no JSON object/],
    ['has an event without an id', (lines) => lines.toSpliced(50, 1, lines[50]!.replace('"id"', '"no"')), /line 51: id: /],
    ['is of another format', (lines) => lines.toSpliced(0, 1, lines[0]!.replace('1', '2')), /line 1: version: /],
    ['is something else', () => '{"some":"json"}\n', /line 1: /],
    ['goes on after its end', (lines) => [...lines, lines[1]!], /line 323: there is something behind the last line/],
  ])('is refused when it %s, with the line', async (_, change, message) => {
    const name = await changed(change);
    const opening = openLogFile(name, () => {});
    await expect(opening).rejects.toBeInstanceOf(BadLogFile);
    await expect(opening).rejects.toThrow(message);
  });

  test('is refused when it is not there', async () => {
    await expect(openLogFile(join(directory, 'nowhere'), () => {})).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
