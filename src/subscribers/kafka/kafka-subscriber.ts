import type { RecordedEvent } from '../../events/recorded-event.ts';
import type { EventStore, Position } from '../../events/store/event-store.ts';
import { cloudEvent, type TaskAsLeft, withoutPersonalMembers } from '../cloud-event.ts';
import { type Subscriber, Unreachable } from '../subscriber.ts';
import { kafkaMessage } from './kafka-message.ts';
import type { KafkaTopic } from './kafka-topic.ts';

export interface KafkaSubscriberParts {
  topic: Pick<KafkaTopic, 'publish'>;
  store: Pick<EventStore, 'logId'>;
  /** Waits until the feed's read model has come so far. @returns false when it has not in so many milliseconds */
  feedReached(position: Position, within: number): Promise<boolean>;
  /** The tasks as these events left them, by position, as the feed has them. */
  tasksAsLeft(positions: readonly Position[]): Promise<ReadonlyMap<Position, TaskAsLeft>>;
}

/** The read model is a moment behind the log, usually. In milliseconds. */
const PATIENCE = 5_000;

/** Publishes every event, from the first one on, without what somebody wrote or is called by. */
export function kafkaSubscriber({ topic, store, feedReached, tasksAsLeft }: KafkaSubscriberParts): Subscriber {
  async function tasksOf(events: readonly RecordedEvent[]): Promise<ReadonlyMap<Position, TaskAsLeft>> {
    const positions = events.filter(({ stream }) => stream.startsWith('task-')).map(({ position }) => position);
    const last = positions.at(-1);
    if (last === undefined) return new Map();
    if (!(await feedReached(last, PATIENCE)))
      throw new Unreachable(`the read model feed has not come to position ${last}`, { part: 'the read model feed' });
    return tasksAsLeft(positions);
  }

  return {
    name: 'kafka',
    maxPageSize: 200,
    startsAt: 'beginning',
    async send(events) {
      const tasks = await tasksOf(events);
      const told = events.map((event) => {
        const whole = cloudEvent(event, { logId: store.logId, task: tasks.get(event.position) ?? null });
        return kafkaMessage(withoutPersonalMembers(event.type, whole));
      });
      await topic.publish(told);
    },
  };
}
