import { setTimeout as pause } from 'node:timers/promises';
import { type Consumer, Kafka, logLevel } from 'kafkajs';
import type { Pool } from 'pg';
import { handleOnce, taskEvent } from './board.ts';

export interface ConsumerSettings {
  brokers: readonly string[];
  topic: string;
  /** Consumers of one group share the partitions. */
  groupId: string;
  /** Of what the client says of itself, on standard error. */
  level?: logLevel;
}

const RETRY_AFTER_MS = 1_000;

/**
 * Follows the topic from where the group is, the first time from its beginning. An offset is committed after the effects of what is
 * before it: after a crash or a rebalance some messages come again, and the inbox knows them.
 */
export async function startConsumer(settings: ConsumerSettings, pool: Pool): Promise<{ stop(): Promise<void> }> {
  let isStopped = false;
  let consumer = await begin(settings, pool, beginAgain);

  /** The client goes on by itself after most failures, and ends after some, a rebalance at the wrong moment among them. */
  async function beginAgain(): Promise<void> {
    await consumer.disconnect().catch(() => {});
    while (!isStopped) {
      await pause(RETRY_AFTER_MS);
      try {
        if (!isStopped) consumer = await begin(settings, pool, beginAgain);
        if (isStopped) await consumer.disconnect();
        return;
      } catch (error) {
        console.error(`The consumer does not begin: ${(error as Error).message}`);
      }
    }
  }

  return {
    async stop() {
      isStopped = true;
      await consumer.disconnect();
    },
  };
}

async function begin(
  { brokers, topic, groupId, level = logLevel.ERROR }: ConsumerSettings,
  pool: Pool,
  onEnd: () => void,
): Promise<Consumer> {
  const kafka = new Kafka({ clientId: groupId, brokers: [...brokers], logLevel: level });
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000, heartbeatInterval: 1_000, retry: { retries: 20 } });
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onEnd();
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    // Offsets are resolved one by one below: what was not handled is not skipped.
    eachBatchAutoResolve: false,
    async eachBatch({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, isRunning, isStale }) {
      for (const { offset, headers = {}, value } of batch.messages) {
        // The partition was given to another consumer, or this one is to stop: the rest is for the next.
        if (!isRunning() || isStale()) return;
        const event = taskEvent(headers, value);
        if (event) await handleOnce(pool, event);
        else console.error(`Message ${offset} of partition ${batch.partition} is no event of a task: it is skipped`);
        resolveOffset(offset);
        await heartbeat();
        await commitOffsetsIfNecessary();
      }
    },
  });
  return consumer;
}
