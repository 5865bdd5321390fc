import type pg from 'pg';
import type { Check, CheckResult } from './api/health.ts';
import type { Config } from './config.ts';
import { headsFileIn } from './events/integrity/heads-file.ts';
import { signingKey } from './events/integrity/signing-key.ts';
import type { KeyVault } from './events/keys/key-vault.ts';
import type { EventStore, Position } from './events/store/event-store.ts';
import type { Closing } from './platform/closing.ts';
import type { Keys } from './platform/generated-keys.ts';
import type { Logger } from './platform/logging.ts';
import type { Metrics } from './platform/metrics.ts';
import type { FairReads } from './platform/postgres/fair-reads.ts';
import type { Progress } from './projections/progress.ts';
import type { Queries, QueriesFor } from './queries/queries.ts';
import { createDeadLetters, type DeadLetters } from './subscribers/engine/dead-letters.ts';
import { healthOfSubscriber, measureSubscribers, overviews } from './subscribers/engine/observe.ts';
import { type RunningSubscriber, startSubscriber } from './subscribers/engine/start-subscriber.ts';
import { createEventFeed, type EventFeed } from './subscribers/event-feed.ts';
import { createFeedWatch, type FeedWatch } from './subscribers/feed-watch.ts';
import { kafkaSubscriber } from './subscribers/kafka/kafka-subscriber.ts';
import { createKafkaTargets } from './subscribers/kafka/kafka-targets.ts';
import { type HeadSigning, startHeadSigning } from './subscribers/sign-heads.ts';
import type { Subscriber } from './subscribers/subscriber.ts';

export interface SubscriberSideParts {
  config: Pick<Config, 'dataDir' | 'kafka'>;
  logger: Logger;
  closing: Closing;
  keys: Keys;
  connectionString: string;
  pool: pg.Pool;
  store: EventStore;
  vault: KeyVault;
  queries: Queries;
  queriesFor: QueriesFor<'readFeed'>;
  reads: FairReads;
  progress: Progress;
  metrics: Metrics;
}

/** Everything that follows the log of events and is not a read model. */
export interface SubscriberSide {
  events: { feed: EventFeed; watch: FeedWatch };
  heads: HeadSigning;
  running: readonly RunningSubscriber[];
  deadLetters: DeadLetters;
  /** How publishing to Kafka goes, for `/health/detailed`. */
  kafka: { check: Check };
}

/**
 * Opens what follows the log; from when this has returned, every event appended is for each subscriber.
 * @param subscribers what other parts have made, beside what is configured here
 */
export async function openSubscribers(parts: SubscriberSideParts, subscribers: readonly Subscriber[]): Promise<SubscriberSide> {
  const { logger, closing, metrics } = parts;
  const events = openEventFeed(parts);
  const heads = openHeadSigning(parts);
  const all = [...subscribers, ...(await openKafka(parts))];
  const running: RunningSubscriber[] = [];
  closing.add('subscribers', () => Promise.all(running.map((subscriber) => subscriber.stop())));
  const log = logger.named('subscribers');
  const described = { name: 'tasktrail_subscriber_events_total', help: 'Events that this instance has handled for a subscriber.' };
  for (const subscriber of all) {
    const onHandled = metrics.counter(described, { subscriber: subscriber.name });
    running.push(await startSubscriber(subscriber, { ...parts, log, onHandled }));
  }
  measureSubscribers(metrics, () => overviews(running, parts));
  const wake = (name: string) => running.find((one) => one.name === name)?.wake();
  const deadLetters = createDeadLetters({ pool: parts.pool, wake });
  return { events, heads, running, deadLetters, kafka: { check: () => healthOfOne(running, 'kafka', parts) } };
}

async function healthOfOne(running: readonly RunningSubscriber[], name: string, parts: SubscriberSideParts): Promise<CheckResult> {
  const [overview] = await overviews(
    running.filter((one) => one.name === name),
    parts,
  );
  return overview ? healthOfSubscriber(overview) : { status: 'off' };
}

/** Publishing to Kafka, where brokers are configured. */
async function openKafka({ config, logger, closing, pool, store, queries, progress }: SubscriberSideParts): Promise<Subscriber[]> {
  if (config.kafka === undefined) return [];
  const { openKafkaTopic } = await import('./subscribers/kafka/kafka-topic.ts');
  const topic = openKafkaTopic(config.kafka, logger.named('kafka'));
  closing.add('kafka', async () => topic.close());
  const feedReached = (position: Position, within: number) => progress.reached('feed', position, within);
  return [kafkaSubscriber({ topic, targets: createKafkaTargets(pool), store, feedReached, tasksAsLeft: queries.tasksAsLeft })];
}

/** The events for whoever may see them, as the read model of the feed says. */
function openEventFeed({ logger, closing, queries, progress, ...parts }: SubscriberSideParts): SubscriberSide['events'] {
  const watch = createFeedWatch({
    queries,
    onMove: (listener) => progress.onMove('feed', listener),
    onFailure: (error) => logger.named('event feed').error({ error }, 'who is to be told of new events cannot be asked; it is tried again'),
  });
  closing.add('event feed', async () => watch.close());
  return { feed: createEventFeed(parts), watch };
}

function openHeadSigning({ config, logger, closing, keys, store }: SubscriberSideParts): HeadSigning {
  const file = headsFileIn(config.dataDir);
  const heads = startHeadSigning({ store, file, key: signingKey(keys.signing), log: logger.named('log heads') });
  closing.add('log heads', () => heads.close());
  return heads;
}
