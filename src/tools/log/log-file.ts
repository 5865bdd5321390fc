import { createReadStream, createWriteStream } from 'node:fs';
import { access, rename, rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createLogDigest } from '../../events/integrity/log-digest.ts';
import type { StoredEvent, WrappedKey } from '../../events/store/event-store.ts';
import type { ReadableLog } from './log.ts';
import { eventLine, footerLine, headerLine, keyLine, type Line, parseLine } from './ndjson.ts';

const PAGE = 2_000;

/** A file that is no log, or not the whole of one. The message says in which line. */
export class BadLogFile extends Error {
  override name = 'BadLogFile';
}

/** What was written to a file, or read from it. */
export interface Contents {
  keys: number;
  events: number;
  sha256: string;
}

export interface LogToWrite {
  logId: string;
  keys: AsyncIterable<readonly WrappedKey[]>;
  events: AsyncIterable<readonly StoredEvent[]>;
}

/**
 * Writes a log to a new file, which has its name only once it is whole. It is readable by its owner alone.
 * @throws Error when there is a file of that name
 */
export async function writeLogFile(file: string, log: LogToWrite, onEvents: (last: StoredEvent, count: number) => void): Promise<Contents> {
  if (await isThere(file)) throw new Error(`${file} is there already`);
  const draft = `${file}.partial`;
  const digest = createLogDigest();
  let keys = 0;
  async function* lines(): AsyncGenerator<string> {
    yield `${headerLine(log.logId)}\n`;
    for await (const page of log.keys) {
      keys += page.length;
      yield page.map((key) => `${keyLine(key)}\n`).join('');
    }
    for await (const page of log.events) {
      page.forEach(digest.add);
      yield page.map((event) => `${eventLine(event)}\n`).join('');
      const last = page.at(-1);
      if (last) onEvents(last, digest.events);
    }
    contents = { keys, events: digest.events, sha256: digest.finish() };
    yield `${footerLine(contents)}\n`;
  }
  let contents: Contents | undefined;
  try {
    await pipeline(lines, createWriteStream(draft, { mode: 0o600, flush: true }));
    await rename(draft, file);
    return contents!;
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** A log in a file that has been read to its end once and found whole. */
export interface LogFile extends ReadableLog {
  readonly contents: Contents;
  keys(): AsyncIterable<readonly WrappedKey[]>;
}

/** @param onEvents told how many there were so far, and how much of the file that is, from 0 to 1 @throws BadLogFile */
export async function openLogFile(file: string, onEvents: (count: number, done: number) => void): Promise<LogFile> {
  const { logId, contents } = await check(file, onEvents);
  return {
    name: file,
    logId,
    contents,
    head: async () => BigInt(contents.events),
    async *keys() {
      yield* paged(only(file, 'key', ({ key }) => key));
    },
    async *pages() {
      let position = 0n;
      yield* paged(only(file, 'event', ({ event }) => ({ ...event, position: ++position })));
    },
  };
}

async function check(file: string, onEvents: (count: number, done: number) => void): Promise<{ logId: string; contents: Contents }> {
  const digest = createLogDigest();
  const { size } = await stat(file);
  let read = 0;
  let logId: string | undefined;
  let keys = 0;
  let number = 0;
  let footer: Contents | undefined;
  const fail = (what: string): never => {
    throw new BadLogFile(`${file}, line ${number}: ${what}`);
  };
  for await (const line of linesOf(file, (bytes) => (read += bytes))) {
    number++;
    if (footer) fail('there is something behind the last line');
    if ((number === 1) !== (line.kind === 'header')) fail('the first line, and no other, says that this is a log');
    if (line.kind === 'header') logId = line.logId;
    if (line.kind === 'key' && digest.events > 0) fail('keys come before events');
    if (line.kind === 'key') keys++;
    if (line.kind === 'footer') footer = line;
    if (line.kind !== 'event') continue;
    digest.add({ ...line.event, position: 0n });
    if (digest.events % PAGE === 0) onEvents(digest.events, read / size);
  }
  if (logId === undefined || footer === undefined) return fail('the file ends too early: it was cut off');
  const contents = { keys, events: digest.events, sha256: digest.finish() };
  if (footer.keys !== keys || footer.events !== contents.events || footer.sha256 !== contents.sha256)
    fail('the keys and events before it are not the ones that were written');
  return { logId, contents };
}

async function* linesOf(file: string, onRead: (bytes: number) => void = () => {}): AsyncGenerator<Line> {
  let number = 0;
  let rest = '';
  // All of it is ASCII, so that no character can be cut in two.
  for await (const chunk of createReadStream(file, { encoding: 'latin1', highWaterMark: 2 ** 18 })) {
    onRead(chunk.length);
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop()!;
    for (const line of lines) yield parse(file, ++number, line);
  }
  if (rest !== '') throw new BadLogFile(`${file}, line ${number + 1}: the line was cut off`);
}

function parse(file: string, number: number, text: string): Line {
  try {
    return parseLine(text);
  } catch (error) {
    throw new BadLogFile(`${file}, line ${number}: ${(error as Error).message}`);
  }
}

async function* only<K extends Line['kind'], T>(file: string, kind: K, take: (line: Extract<Line, { kind: K }>) => T): AsyncGenerator<T> {
  for await (const line of linesOf(file)) if (line.kind === kind) yield take(line as Extract<Line, { kind: K }>);
}

async function* paged<T>(items: AsyncIterable<T>): AsyncGenerator<T[]> {
  let page: T[] = [];
  for await (const item of items) {
    page.push(item);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function isThere(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
