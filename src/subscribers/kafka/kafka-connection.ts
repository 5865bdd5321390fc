import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { Kafka, type logCreator, logLevel, Partitioners, type Producer, type SASLOptions } from 'kafkajs';
import type { Logger } from '../../platform/logging.ts';
import { isOfType, TLS_EXPECTED } from './kafka-failure.ts';
import type { KafkaMessage } from './kafka-message.ts';

export interface KafkaSettings {
  /** `host:port` of some of them. */
  brokers: readonly string[];
  topic: string;
  /** Undefined for a connection without TLS. */
  tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'> | undefined;
  sasl?: { mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; username: string; password: string } | undefined;
}

/** The topic as the cluster has it. */
export interface TopicState {
  clusterId: string;
  topic: string;
  /** It was not there, and was or will be created for this service. */
  isNew: boolean;
  /** By partition, the offset of the next message. */
  ends: ReadonlyMap<number, bigint>;
}

/** Where the messages of a page went, by partition. */
export type Acknowledged = ReadonlyMap<number, { first: bigint; next: bigint }>;

export interface KafkaConnection {
  inspect(): Promise<TopicState>;
  publish(messages: readonly KafkaMessage[]): Promise<Acknowledged>;
  /** Leaves no socket open, whatever the brokers do. */
  close(): void;
}

const CONNECT_TIMEOUT_MS = 3_000;
const REQUEST_TIMEOUT_MS = 5_000;

/** Connects by way of one broker; the others of the cluster are found through it. Nothing of the client is used again after a failure. */
export async function connectKafka(settings: KafkaSettings, broker: string, log: Logger): Promise<KafkaConnection> {
  const { topic, tls, sasl } = settings;
  const sockets = new Set<Socket>();
  const kafka = new Kafka({
    clientId: 'tasktrail',
    brokers: [broker],
    ssl: tls ?? false,
    ...(sasl && { sasl: sasl as SASLOptions }),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    authenticationTimeout: REQUEST_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // A failure closes the connection, and the next attempt is the engine's: a page is never sent twice within one.
    retry: { retries: 0 },
    socketFactory: ({ host, port, ssl, onConnect }) => keep(sockets, openSocket({ host, port, tls: ssl, onConnect })),
    logLevel: logLevel.WARN,
    logCreator: into(log),
  });
  let producer: Producer | undefined;
  let isNew = false;
  /** Counts the messages of the page that is sent just now, by partition. */
  let counted = new Map<number, bigint>();

  async function inspect(): Promise<TopicState> {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const { clusterId } = await admin.describeCluster();
      if (!(await isThere())) {
        isNew = true;
        await create();
      }
      const offsets = isNew ? [] : await admin.fetchTopicOffsets(topic);
      return { clusterId, topic, isNew, ends: new Map(offsets.map(({ partition, high }) => [partition, BigInt(high)])) };
    } finally {
      admin.disconnect().catch(() => {});
    }

    async function isThere(): Promise<boolean> {
      try {
        return (await admin.fetchTopicMetadata({ topics: [topic] })).topics.some(({ partitions }) => partitions.length > 0);
      } catch (error) {
        if (isOfType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return false;
        throw error;
      }
    }

    /** With the broker's own number of partitions and replicas. A broker that does not know this request makes the topic by itself. */
    async function create(): Promise<void> {
      try {
        await admin.createTopics({ topics: [{ topic }], timeout: REQUEST_TIMEOUT_MS });
      } catch (error) {
        if ((error as Error).name !== 'KafkaJSServerDoesNotSupportApiKey') throw error;
      }
    }
  }

  async function connected(): Promise<Producer> {
    if (producer) return producer;
    const choose = Partitioners.DefaultPartitioner();
    producer = kafka.producer({
      // A later request never overtakes an earlier one. Partitions are chosen as Java's clients choose them.
      maxInFlightRequests: 1,
      idempotent: false,
      // A topic that is deleted while the service runs is not made again unseen.
      allowAutoTopicCreation: isNew,
      createPartitioner: () => (message) => {
        const partition = choose(message);
        counted.set(partition, (counted.get(partition) ?? 0n) + 1n);
        return partition;
      },
    });
    await producer.connect();
    return producer;
  }

  return {
    inspect,
    async publish(messages) {
      const to = await connected();
      counted = new Map();
      const sent = await to.send({ topic, messages: [...messages], acks: -1, timeout: REQUEST_TIMEOUT_MS });
      isNew = false;
      return new Map(
        sent.map(({ partition, baseOffset }) => {
          const first = BigInt(baseOffset ?? 0);
          return [partition, { first, next: first + (counted.get(partition) ?? 0n) }];
        }),
      );
    },
    close() {
      producer?.disconnect().catch(() => {});
      for (const socket of sockets) socket.destroy();
    },
  };
}

function openSocket({ host, port, tls, onConnect }: { host: string; port: number; tls: ConnectionOptions | undefined; onConnect(): void }) {
  if (tls) return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...tls }, onConnect);
  const socket = connectTcp({ host, port }, onConnect);
  // A TLS alert, where a length was to come: the client would wait for hundreds of megabytes.
  socket.once('data', ([kind, version]) => {
    if (kind !== 0x15 || version !== 3) return;
    socket.destroy(Object.assign(new Error('the broker speaks TLS on this port: set KAFKA_SSL=true'), { code: TLS_EXPECTED }));
  });
  return socket;
}

/** The client ends its sockets and does not destroy them: one to a broker that stays silent would never close. */
function keep(sockets: Set<Socket>, socket: Socket): Socket {
  sockets.add(socket);
  return socket.setKeepAlive(true, 60_000).once('close', () => sockets.delete(socket));
}

/** The engine reports each failure once; what the client reports of each of its tries is for debugging. */
function into(log: Logger): logCreator {
  return () =>
    ({ namespace, log: { message, timestamp: _, logger: __, ...facts } }) =>
      log.debug({ part: namespace, ...facts }, message);
}
