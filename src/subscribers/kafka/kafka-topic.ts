import type { Logger } from '../../platform/logging.ts';
import { Refused, Unreachable } from '../subscriber.ts';
import { type Acknowledged, connectKafka, type KafkaConnection, type KafkaSettings, type TopicState } from './kafka-connection.ts';
import { translateFailure } from './kafka-failure.ts';
import type { KafkaMessage } from './kafka-message.ts';

/** A topic that messages are published to. What fails closes the connection, and the next call connects again. */
export interface KafkaTopic {
  /** Whether a connection is open. What the topic is may have changed since the last one. */
  isConnected(): boolean;
  /** What the topic is now. @throws Unreachable, Refused */
  inspect(): Promise<TopicState>;
  /**
   * Publishes messages: when it returns, every replica that is in sync has them, in this order where they have the same key.
   * @throws Unreachable when that is not known, Refused; MessageRefused when the broker will never take them
   */
  publish(messages: readonly KafkaMessage[]): Promise<Acknowledged>;
  close(): void;
}

export function openKafkaTopic(settings: KafkaSettings, log: Logger): KafkaTopic {
  const { brokers } = settings;
  let connection: KafkaConnection | undefined;
  let attempts = 0;

  /** Tries every broker of the list, another one first each time: a cluster is away only when none of them answers. */
  async function connect(): Promise<TopicState> {
    const failures: Unreachable[] = [];
    const start = attempts++ % brokers.length;
    for (const broker of [...brokers.slice(start), ...brokers.slice(0, start)]) {
      let made: KafkaConnection | undefined;
      try {
        made = await connectKafka(settings, broker, log);
        const state = await made.inspect();
        connection = made;
        return state;
      } catch (error) {
        made?.close();
        failures.push(translateFailure(error, broker) as Unreachable);
      }
    }
    const message = failures.map((failure) => failure.message).join('; ');
    const Kind = failures.some((failure) => failure instanceof Refused) ? Refused : Unreachable;
    throw new Kind(message, { cause: failures[0], part: 'its brokers' });
  }

  function close(): void {
    connection?.close();
    connection = undefined;
  }

  /** Does something with the connection, which no failure but a refused message outlives. */
  async function using<T>(work: (open: KafkaConnection) => Promise<T>): Promise<T> {
    try {
      return await work(connection!);
    } catch (error) {
      const translated = translateFailure(error, brokers.join(', '));
      if (translated instanceof Unreachable) close();
      throw translated;
    }
  }

  return {
    isConnected: () => connection !== undefined,
    inspect: async () => (connection ? using((open) => open.inspect()) : connect()),
    async publish(messages) {
      if (!connection) await connect();
      return using((open) => open.publish(messages));
    },
    close,
  };
}
