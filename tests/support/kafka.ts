import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type Consumer, Kafka, logLevel } from 'kafkajs';

/** librdkafka's cluster, which lives in memory and speaks the protocol, by way of kcat. */
export interface TestKafka {
  /** `host:port` */
  broker: string;
  /** SIGSTOP, and SIGCONT: it answers nobody, and then everybody. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** Whether there is one to be had on this machine. */
export const kafkaIsThere = spawnSync('kcat', ['-V']).status === 0;

export async function startKafka(): Promise<TestKafka> {
  const child = spawn('kcat', ['-P', '-t', 'boot', '-b', 'none', '-X', 'test.mock.num.brokers=1', '-d', 'mock'], {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  const exit = once(child, 'exit');
  const broker = await new Promise<string>((resolve, reject) => {
    exit.then(() => reject(new Error('kcat ended before it had a cluster')), reject);
    createInterface(child.stderr).on('line', (line) => {
      const address = /bootstrap\.servers=(\S+)/.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
  return {
    broker,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async stop() {
      child.kill('SIGKILL');
      child.kill('SIGCONT');
      await exit;
    },
  };
}

/** A message as it came. */
export interface Received {
  partition: number;
  offset: string;
  key: string;
  headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: the data of any event
  value: any;
}

/** Everything of a topic from its first message on, for as long as somebody reads. */
export async function readTopic(broker: string, topic: string): Promise<{ messages: Received[]; stop(): Promise<void> }> {
  const consumer: Consumer = quietKafka(broker).consumer({ groupId: `reader-${process.pid}-${Math.random()}`, retry: { retries: 20 } });
  const messages: Received[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    async eachMessage({ partition, message: { key, value, headers, offset } }) {
      const text = Object.fromEntries(Object.entries(headers ?? {}).map(([name, bytes]) => [name, String(bytes)]));
      messages.push({ partition, offset, key: String(key), headers: text, value: JSON.parse(String(value)) });
    },
  });
  return { messages, stop: () => consumer.disconnect() };
}

export function quietKafka(broker: string): Kafka {
  return new Kafka({ clientId: 'tests', brokers: [broker], logLevel: logLevel.NOTHING, retry: { initialRetryTime: 50, retries: 10 } });
}
