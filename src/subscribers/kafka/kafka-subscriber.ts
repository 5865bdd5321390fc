import type { RecordedEvent } from '../../events/recorded-event.ts';
import type { EventStore, Position } from '../../events/store/event-store.ts';
import { cloudEvent, type TaskAsLeft, withoutPersonalMembers } from '../cloud-event.ts';
import { type Subscriber, Unreachable } from '../subscriber.ts';
import type { Acknowledged } from './kafka-connection.ts';
import { bytesOf, type KafkaMessage, kafkaMessage } from './kafka-message.ts';
import type { KafkaTargets } from './kafka-targets.ts';
import type { KafkaTopic } from './kafka-topic.ts';

export interface KafkaSubscriberParts {
  topic: KafkaTopic;
  targets: KafkaTargets;
  store: Pick<EventStore, 'logId'>;
  /** Waits until the feed's read model has come so far. @returns false when it has not in so many milliseconds */
  feedReached(position: Position, within: number): Promise<boolean>;
  /** The tasks as these events left them, by position, as the feed has them. */
  tasksAsLeft(positions: readonly Position[]): Promise<ReadonlyMap<Position, TaskAsLeft>>;
}

/** The read model is usually a moment behind the log. */
const FEED_TIMEOUT_MS = 5_000;

/** So many events come again, at most, after a failure. */
const MAX_PAGE_SIZE = 200;
/** Key and headers included. A broker takes a megabyte at once, unless it is configured otherwise. */
const MAX_PAGE_BYTES = 524_288;

/** Publishes every event, from the first one on, without what people wrote or are called by. */
export function kafkaSubscriber({ topic, targets, store, feedReached, tasksAsLeft }: KafkaSubscriberParts): Subscriber {
  /** Of the page that was sent last, for the transaction behind it. */
  let acknowledged: Acknowledged = new Map();

  async function tasksOf(events: readonly RecordedEvent[]): Promise<ReadonlyMap<Position, TaskAsLeft>> {
    const positions = events.filter(({ stream }) => stream.startsWith('task-')).map(({ position }) => position);
    const last = positions.at(-1);
    if (last === undefined) return new Map();
    if (!(await feedReached(last, FEED_TIMEOUT_MS)))
      throw new Unreachable(`the read model feed has not come to position ${last}`, { part: 'the read model feed' });
    return tasksAsLeft(positions);
  }

  async function pageOf(events: readonly RecordedEvent[]): Promise<KafkaMessage[]> {
    const tasks = await tasksOf(events);
    const page: KafkaMessage[] = [];
    let bytes = 0;
    for (const event of events) {
      const whole = cloudEvent(event, { logId: store.logId, task: tasks.get(event.position) ?? null });
      const message = kafkaMessage(withoutPersonalMembers(event.type, whole));
      bytes += bytesOf(message);
      if (page.length > 0 && bytes > MAX_PAGE_BYTES) break;
      page.push(message);
    }
    return page;
  }

  const check = async () => targets.settle(await topic.inspect());

  /** The topic was made again since it was looked at, and has the page that it was just sent. */
  async function settleWithout(sent: Acknowledged): Promise<void> {
    const state = await topic.inspect();
    await targets.settle({
      ...state,
      ends: new Map([...state.ends].map(([partition, end]) => [partition, sent.get(partition)?.first ?? end])),
    });
  }

  return {
    name: 'kafka',
    startsAt: 'beginning',
    maxPageSize: MAX_PAGE_SIZE,
    check,
    async send(events, signal) {
      // What was begun for a checkpoint that was moved meanwhile does not go on beside what follows.
      const abandon = () => topic.close();
      signal.addEventListener('abort', abandon);
      try {
        if (!topic.isConnected()) await check();
        const page = await pageOf(events);
        signal.throwIfAborted();
        const sent = await topic.publish(page);
        if (await targets.isOlder(sent)) await settleWithout(sent);
        acknowledged = sent;
        return page.length;
      } finally {
        signal.removeEventListener('abort', abandon);
      }
    },
    write: (events, client) => targets.acknowledge(client, acknowledged, events.at(-1)!.position),
  };
}
