import { setTimeout as pause } from 'node:timers/promises';
import { expect } from '@jest/globals';
import type { StoredEvent } from '../../src/events/store/event-store.ts';
import type { Got } from './feed-readers.ts';
import { type Received as Message, readTopic } from './kafka.ts';
import { openStream } from './server-sent-events.ts';
import type { Client } from './service.ts';
import { type Receiver, startReceiver } from './webhook-receiver.ts';

/** Somebody on every way out of the service, who keeps what came, and comes again when the service went away. */
export interface Listeners {
  feed: readonly Got[];
  stream: readonly Got[];
  webhook: Receiver;
  /** Null where there is no Kafka. */
  kafka: readonly Message[] | null;
  /** How many events came more than once by a webhook and by Kafka: what dies between sending and writing it down sends again. */
  repeats(): { webhook: number; kafka: number };
  /** Waits until each has what the log holds, and holds it against that: all of it, nothing else, in order per task. */
  expectExactly(log: readonly StoredEvent[], milliseconds: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * @param all somebody who may see every task
 * @param broker of the cluster that the service publishes to
 */
export async function listen(url: string, all: Client, broker?: string): Promise<Listeners> {
  const stopping = new AbortController();
  const feed: Got[] = [];
  const stream: Got[] = [];
  const webhook = await startReceiver();
  const topic = broker === undefined ? null : await readTopic(broker, 'tasktrail.events');
  const made = await all.post('/webhooks', { url: `${webhook.url}/all`, types: ['*'] });
  expect(made.status).toBe(201);
  const ears = [follow(url, all, stream, stopping.signal), poll(all, feed, stopping.signal)];
  /** What the webhook is to hear: it starts behind its own creation. */
  const since = BigInt((await all.get('/events?after=head')).body.next);

  const heard = () => webhook.received.filter(({ event }) => event !== undefined).map(({ event }) => event as Got);
  const published = () => topic?.messages.map(({ headers }) => ({ id: headers.ce_id!, partitionkey: headers.ce_partitionkey! })) ?? [];
  return {
    feed,
    stream,
    webhook,
    kafka: topic?.messages ?? null,
    repeats: () => ({ webhook: repeatsIn(heard()), kafka: repeatsIn(published()) }),
    async expectExactly(log, milliseconds) {
      const ofTasks = log.filter(({ stream }) => stream.startsWith('task-'));
      const later = ofTasks.filter(({ position }) => position > since);
      const expected = { feed: ofTasks, stream: ofTasks, webhook: later, ...(topic && { kafka: log }) };
      const got = () => ({
        feed: feed.filter(isOfTask),
        stream: stream.filter(isOfTask),
        webhook: once(heard()),
        ...(topic && { kafka: once(published()) }),
      });
      const counts = (of: object) => Object.fromEntries(Object.entries(of).map(([name, list]) => [name, list.length]));
      for (const end = performance.now() + milliseconds; performance.now() < end; await pause(50))
        if (JSON.stringify(counts(got())) === JSON.stringify(counts(expected))) break;
      const { feed: polled, stream: followed, ...others } = got();
      expect(counts(got())).toEqual(counts(expected));
      expect(polled.map(({ id }) => id)).toEqual(ofTasks.map(({ id }) => id));
      expect(followed.map(({ id }) => id)).toEqual(ofTasks.map(({ id }) => id));
      for (const [name, list] of Object.entries(others))
        expect([name, byStream(list.map(({ id, partitionkey }) => ({ id, stream: partitionkey })))]).toEqual([
          name,
          byStream(expected[name as 'webhook' | 'kafka']!),
        ]);
    },
    async stop() {
      stopping.abort();
      await Promise.all(ears);
      await Promise.all([webhook.stop(), topic?.stop()]);
    },
  };
}

const isOfTask = ({ partitionkey }: Got) => partitionkey.startsWith('task-');

function once<T extends { id: string }>(events: readonly T[]): T[] {
  return [...new Map(events.toReversed().map((event) => [event.id, event])).values()].reverse();
}

function repeatsIn(events: readonly { id: string }[]): number {
  return events.length - once(events).length;
}

/** The ids of each stream, in the order in which they came. */
function byStream(events: readonly { id: string; stream: string }[]): Record<string, string[]> {
  const streams: Record<string, string[]> = {};
  for (const { id, stream } of [...events].sort((a, b) => a.stream.localeCompare(b.stream)))
    streams[stream] = [...(streams[stream] ?? []), id];
  return streams;
}

async function follow(url: string, { token }: Client, got: Got[], stop: AbortSignal): Promise<void> {
  for (let last = '0'; !stop.aborted; await pause(50)) {
    const from: Record<string, string> = last === '0' ? {} : { 'last-event-id': last };
    const stream = await openStream(`${url}/api/v1/events/stream?after=0`, token, from).catch(() => null);
    if (stream?.status !== 200) continue;
    let isOver = false;
    void stream.ended(600_000).then(
      () => (isOver = true),
      () => (isOver = true),
    );
    for (let taken = 0; !stop.aborted && (!isOver || taken < stream.all.length); await pause(20)) {
      for (const { id, event, data } of stream.all.slice(taken)) {
        if (event !== 'caught_up') got.push(data);
        last = id ?? last;
        taken++;
      }
    }
    stream.close();
  }
}

async function poll(client: Client, got: Got[], stop: AbortSignal): Promise<void> {
  for (let next = '0'; !stop.aborted; ) {
    const reply = await client.get(`/events?after=${next}&limit=200&wait=1`).catch(() => null);
    if (reply?.status === 200) {
      got.push(...reply.body.events);
      next = reply.body.next;
    } else await pause(50);
  }
}

/** The events of which somebody's inbox says that a task was shared with them. */
export async function sharesToldTo(person: Client): Promise<string[]> {
  const ids: string[] = [];
  for (let page = 1; ; page++) {
    const { status, body } = await person.get(`/notifications?per_page=100&page=${page}`);
    expect(status).toBe(200);
    const items: { kind: string; event_id: string }[] = body.items;
    ids.push(...items.filter(({ kind }) => kind === 'task_shared_with_me').map(({ event_id }) => event_id));
    if (page >= body.pages) return ids;
  }
}
