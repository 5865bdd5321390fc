import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { EventStore, StoredEvent } from '../../src/events/store/event-store.ts';
import { aStream, idsOf } from './events.ts';
import { follow } from './follow.ts';
import type { Opener } from './harness.ts';

export interface Race {
  /** What a live subscriber was given, while the writers wrote. */
  delivered: readonly StoredEvent[];
  /** What stood in the log afterwards. */
  log: readonly StoredEvent[];
  /** The ids of the events that the writers were told are written. */
  acknowledged: readonly string[];
}

export interface RaceOptions {
  /** By both writers together. */
  events: number;
  streams: number;
  /** Whether the writers append to the same streams, or each to its own. */
  shared: boolean;
}

/** Lets writers in two processes append at once, under a live subscriber. */
export async function race(store: EventStore, opener: Opener, { events, streams, shared }: RaceOptions): Promise<Race> {
  const over = new AbortController();
  const beginning = await store.head();
  const subscriber = follow(store, beginning, over.signal);
  const names = Array.from({ length: streams }, () => aStream('race'));
  const halves = [names.slice(0, streams / 2), names.slice(streams / 2)];
  const writers = halves.map((half) => startWriter(opener, shared ? names : half, events / 2));
  try {
    for (const { ready } of writers) await ready;
    for (const { process } of writers) process.stdin?.write('go\n');
    const acknowledged = (await Promise.all(writers.map(({ acknowledged }) => acknowledged))).flat();
    await subscriber.reached(await store.head());
    const log = await store.readAll({ after: beginning, limit: 1_000_000 });
    return { delivered: [...subscriber.events], log, acknowledged };
  } finally {
    over.abort();
    for (const { process } of writers) process.kill('SIGKILL');
  }
}

/** What is wrong with what came of a race: nothing, if all is well. */
export function faultsOf({ delivered, log, acknowledged }: Race): string[] {
  const faults: string[] = [];
  const ids = new Set(idsOf(delivered));
  const revisions = new Map<string, number>();
  let last = -1n;
  for (const { id, stream, revision, position } of delivered) {
    if (position <= last) faults.push(`position ${position} was delivered after ${last}`);
    last = position;
    const expected = (revisions.get(stream) ?? -1) + 1;
    if (revision !== expected) faults.push(`${id} was delivered as revision ${revision} of ${stream}, where ${expected} was to come`);
    revisions.set(stream, revision);
  }
  if (ids.size < delivered.length) faults.push('an event was delivered twice');
  for (const id of acknowledged) if (!ids.has(id)) faults.push(`${id} was acknowledged and never delivered`);
  const missed = log.filter(({ id }) => !ids.has(id));
  if (missed.length > 0) faults.push(`the log holds ${missed.length} events that were never delivered`);
  if (log.length < acknowledged.length) faults.push('the log holds less than was acknowledged');
  if (missed.length === 0 && log.some(({ id }, index) => id !== delivered[index]?.id)) faults.push('the log has another order');
  return faults;
}

function startWriter({ module, argument }: Opener, streams: string[], events: number) {
  const script = join(import.meta.dirname, 'race-writer.ts');
  const process_ = spawn(process.execPath, [script, module, argument, streams.join(','), String(events)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  const ready = once(process_.stdout, 'data');
  const acknowledged = ready.then(() => collect(process_));
  acknowledged.catch(() => {});
  return { process: process_, ready, acknowledged };
}

async function collect(writer: ChildProcess): Promise<string[]> {
  const exit = once(writer, 'exit');
  const output = await text(writer.stdout!);
  const [code] = await exit;
  if (code !== 0) throw new Error(`a writer of the race ended with ${code}`);
  return JSON.parse(output) as string[];
}
