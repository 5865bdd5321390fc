import { Kafka, type logCreator, logLevel, Partitioners, type Producer, type SASLOptions } from 'kafkajs';
import type { Logger } from '../../platform/logging.ts';
import { Unreachable } from '../subscriber.ts';
import type { KafkaMessage } from './kafka-message.ts';

export interface KafkaSettings {
  /** `host:port` of some of them. */
  brokers: readonly string[];
  topic: string;
  ssl: boolean;
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string } | undefined;
}

/** A topic that messages are published to. */
export interface KafkaTopic {
  /**
   * Publishes messages: when it returns, every replica that is in sync has them, in this order where they have the same key.
   * @throws Unreachable when that is not known, whatever the reason; MessageRefused when the broker will never take one of them
   */
  publish(messages: readonly KafkaMessage[]): Promise<void>;
  close(): Promise<void>;
}

/** The broker does not take a message: it is too large, or not as the topic wants them. */
export class MessageRefused extends Error {
  override name = 'MessageRefused';
}

/** In milliseconds. Who waits for longer than that is told so, and tries again. */
const CONNECT_WITHIN = 3_000;
const ANSWER_WITHIN = 5_000;
/** What a broker takes at once is a megabyte, unless it is told otherwise. In characters, of which few take more than a byte. */
const AT_ONCE = 400_000;

/** Connects when there is something to publish; made anew after every failure, so that nothing of a connection outlives it. */
export function openKafkaTopic({ brokers, topic, ssl, sasl }: KafkaSettings, log: Logger): KafkaTopic {
  const kafka = new Kafka({
    clientId: 'tasktrail',
    brokers: [...brokers],
    ssl,
    ...(sasl && { sasl: sasl as SASLOptions }),
    connectionTimeout: CONNECT_WITHIN,
    requestTimeout: ANSWER_WITHIN,
    retry: { retries: 1, initialRetryTime: 100, maxRetryTime: 1_000 },
    logLevel: logLevel.WARN,
    logCreator: into(log),
  });
  let producer: Producer | undefined;

  /** With the broker's own number of partitions and replicas. Where that is not allowed, somebody else has made it, or the broker does. */
  async function createTopic(): Promise<void> {
    const admin = kafka.admin();
    try {
      await admin.connect();
      await admin.createTopics({ topics: [{ topic }], timeout: ANSWER_WITHIN });
    } catch (error) {
      log.debug({ error, topic }, 'the topic could not be created');
    } finally {
      await admin.disconnect().catch(() => {});
    }
  }

  async function connected(): Promise<Producer> {
    if (producer) return producer;
    // One request at a time: a later one never overtakes one that is tried again. Partitions are chosen as Java's clients choose them.
    const made = kafka.producer({ maxInFlightRequests: 1, idempotent: false, createPartitioner: Partitioners.DefaultPartitioner });
    await made.connect();
    await createTopic();
    producer = made;
    return made;
  }

  async function close(): Promise<void> {
    const closing = producer;
    producer = undefined;
    await closing?.disconnect().catch(() => {});
  }

  return {
    async publish(messages) {
      try {
        const to = await connected();
        for (const piece of pieces(messages)) await to.send({ topic, messages: piece, acks: -1, timeout: ANSWER_WITHIN });
      } catch (error) {
        const translated = translate(error, brokers);
        if (translated instanceof Unreachable) await close();
        throw translated;
      }
    },
    close,
  };
}

function* pieces(messages: readonly KafkaMessage[]): Generator<KafkaMessage[]> {
  let piece: KafkaMessage[] = [];
  let size = 0;
  for (const message of messages) {
    if (piece.length > 0 && size + message.value.length > AT_ONCE) {
      yield piece;
      piece = [];
      size = 0;
    }
    piece.push(message);
    size += message.value.length;
  }
  if (piece.length > 0) yield piece;
}

const refusals: ReadonlySet<unknown> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

function translate(error: unknown, brokers: readonly string[]): Error {
  for (let cause = error as { type?: unknown; cause?: unknown } | undefined; cause; cause = cause.cause as typeof cause)
    if (refusals.has(cause.type)) return new MessageRefused(`the broker refuses it: ${cause.type}`, { cause: error });
  return new Unreachable(`Kafka at ${brokers.join(', ')}: ${(error as Error).message}`, { cause: error, part: 'its brokers' });
}

/** Whoever publishes says what failed, once; what the client says of each of its tries is for those who look closely. */
function into(log: Logger): logCreator {
  return () =>
    ({ namespace, log: { message, timestamp: _, logger: __, ...facts } }) =>
      log.debug({ part: namespace, ...facts }, message);
}
