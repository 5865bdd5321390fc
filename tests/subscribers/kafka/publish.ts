import { createLog } from '../../../src/platform/logging.ts';
import type { KafkaSettings } from '../../../src/subscribers/kafka/kafka-connection.ts';
import { kafkaSubscriber } from '../../../src/subscribers/kafka/kafka-subscriber.ts';
import { createKafkaTargets } from '../../../src/subscribers/kafka/kafka-targets.ts';
import { type KafkaTopic, openKafkaTopic } from '../../../src/subscribers/kafka/kafka-topic.ts';
import type { Subscriber } from '../../../src/subscribers/subscriber.ts';
import type { TestBroker } from '../../support/kafka-broker.ts';
import type { openLog } from '../engine/follow-log.ts';

type Log = Awaited<ReturnType<typeof openLog>>;

export const silent = createLog({ level: 'silent', format: 'json' }, { write: () => {} });

export function settingsFor(brokers: readonly string[], more: Partial<KafkaSettings> = {}): KafkaSettings {
  return { brokers, topic: 'tasktrail.events', tls: undefined, ...more };
}

/** Publishing as the service does it, but for the title and status of tasks, which the feed's read model would have. */
export function publisher({ pool, store }: Log, settings: KafkaSettings): { topic: KafkaTopic; subscriber: Subscriber } {
  const topic = openKafkaTopic(settings, silent);
  const parts = { topic, targets: createKafkaTargets(pool), store, feedReached: async () => true, tasksAsLeft: async () => new Map() };
  return { topic, subscriber: kafkaSubscriber(parts) };
}

/** The ids of all messages of a topic. */
export function idsIn({ topics }: TestBroker, topic = 'tasktrail.events'): string[] {
  return (topics.get(topic) ?? []).flat();
}
