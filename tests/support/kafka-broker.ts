import { once } from 'node:events';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, type Socket } from 'node:net';

const require = createRequire(import.meta.url);
// The client's own codec, read the other way round: its types are not published.
// biome-ignore-start lint/suspicious/noExplicitAny: an untyped module
const Encoder = require('kafkajs/src/protocol/encoder') as any;
const Decoder = require('kafkajs/src/protocol/decoder') as any;
const decodeBatch = require('kafkajs/src/protocol/recordBatch/v0/decoder') as any;
type Codec = any;
// biome-ignore-end lint/suspicious/noExplicitAny: as above

const apis = { produce: 0, listOffsets: 2, metadata: 3, saslHandshake: 17, apiVersions: 18, createTopics: 19, saslAuthenticate: 36 };
const versions: Record<number, number> = { 0: 3, 2: 1, 3: 4, 17: 1, 18: 0, 19: 0, 36: 0 };
const codes = { unsupportedVersion: 35, unknownTopic: 3, messageTooLarge: 10, topicAuthorization: 29, saslAuthentication: 58 };

/** A Kafka broker of one process, with the faults that a real one has on a bad day. */
export interface TestBroker {
  /** `host:port` */
  address: string;
  clusterId: string;
  /** By name, one list of messages per partition, as ids of events; and how many messages of each partition expired. */
  topics: Map<string, string[][]>;
  expired: number;
  /** Sizes of all record batches that were sent, in bytes, whether they were taken or not. */
  batches: number[];
  /** Accepts connections and answers nothing. */
  isMute: boolean;
  /** Batches above this are refused. */
  maxBytes: number;
  /** Called for each page before it is answered; what it throws ends the connection behind the page. */
  onProduce(messages: number): Promise<void>;
  mayWrite: boolean;
  /** Sockets that are open. */
  readonly connections: number;
  stop(): Promise<void>;
}

export async function startBroker(port = 0): Promise<TestBroker> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
    let buffered = Buffer.alloc(0);
    let last = Promise.resolve();
    socket.on('data', (chunk) => {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 4 && buffered.length >= 4 + buffered.readInt32BE(0)) {
        const request = buffered.subarray(4, 4 + buffered.readInt32BE(0));
        buffered = buffered.subarray(4 + request.length);
        last = last.then(() => respond(socket, request)).catch(() => void socket.destroy());
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const ownPort = (server.address() as AddressInfo).port;

  async function respond(socket: Socket, request: Buffer): Promise<void> {
    if (broker.isMute) return;
    const decoder = new Decoder(request);
    const [api, version, correlation] = [decoder.readInt16(), decoder.readInt16(), decoder.readInt32()];
    decoder.readString();
    const isProbe = api === apis.apiVersions && version !== 0;
    if (version !== versions[api] && !isProbe) throw new Error(`request ${api} in version ${version}`);
    const body = isProbe ? new Encoder().writeInt16(codes.unsupportedVersion).writeArray([]) : await bodyOf(api, decoder);
    const payload = new Encoder().writeInt32(correlation).writeEncoder(body).buffer;
    socket.write(new Encoder().writeInt32(payload.length).writeBuffer(payload).buffer);
  }

  async function bodyOf(api: number, decoder: Codec): Promise<Codec> {
    if (api === apis.apiVersions) return apiVersions();
    if (api === apis.metadata) return metadata(decoder);
    if (api === apis.listOffsets) return offsets(decoder);
    if (api === apis.createTopics) return createTopics(decoder);
    if (api === apis.saslHandshake) return new Encoder().writeInt16(0).writeArray(['PLAIN']);
    if (api === apis.saslAuthenticate) return authenticate();
    return produce(decoder);
  }

  function apiVersions(): Codec {
    const all = Object.entries(versions).map(([key, version]) =>
      new Encoder().writeInt16(Number(key)).writeInt16(version).writeInt16(version),
    );
    return new Encoder().writeInt16(0).writeArray(all);
  }

  function metadata(decoder: Codec): Codec {
    const asked: string[] = decoder.readArray((d: Codec) => d.readString()) ?? [];
    const node = new Encoder().writeInt32(1).writeString('127.0.0.1').writeInt32(ownPort).writeString(null);
    const topics = asked.map((name) => {
      const partitions = (broker.topics.get(name) ?? []).map((_, partition) =>
        new Encoder().writeInt16(0).writeInt32(partition).writeInt32(1).writeArray([1]).writeArray([1]),
      );
      const code = partitions.length > 0 ? 0 : codes.unknownTopic;
      return new Encoder().writeInt16(code).writeString(name).writeBoolean(false).writeArray(partitions);
    });
    return new Encoder().writeInt32(0).writeArray([node]).writeString(broker.clusterId).writeInt32(1).writeArray(topics);
  }

  function offsets(decoder: Codec): Codec {
    decoder.readInt32();
    const topics = decoder.readArray((d: Codec) => ({
      name: d.readString(),
      partitions: d.readArray((p: Codec) => ({ partition: p.readInt32(), time: p.readInt64().toString() })),
    }));
    const answers = topics.map(({ name, partitions }: Codec) => {
      const ends = partitions.map(({ partition, time }: Codec) => {
        const end = broker.topics.get(name)![partition]!.length;
        return new Encoder()
          .writeInt32(partition)
          .writeInt16(0)
          .writeInt64(-1)
          .writeInt64(time === '-2' ? Math.min(broker.expired, end) : end);
      });
      return new Encoder().writeString(name).writeArray(ends);
    });
    return new Encoder().writeArray(answers);
  }

  function createTopics(decoder: Codec): Codec {
    const names: string[] = decoder.readArray((d: Codec) => {
      const name = d.readString();
      d.readInt32();
      d.readInt16();
      d.readArray(() => {});
      d.readArray(() => {});
      return name;
    });
    const code = broker.mayWrite ? 0 : codes.topicAuthorization;
    if (broker.mayWrite) for (const name of names) broker.topics.set(name, [[], []]);
    return new Encoder().writeArray(names.map((name) => new Encoder().writeString(name).writeInt16(code)));
  }

  /** No credentials are right here. */
  function authenticate(): Codec {
    return new Encoder().writeInt16(codes.saslAuthentication).writeString(null).writeBytes(Buffer.alloc(0));
  }

  async function produce(decoder: Codec): Promise<Codec> {
    decoder.readString();
    decoder.readInt16();
    decoder.readInt32();
    const topics = decoder.readArray((d: Codec) => ({
      name: d.readString() as string,
      partitions: d.readArray((p: Codec) => ({ partition: p.readInt32(), batch: p.readBytes() as Buffer })),
    }));
    const answers: Codec[] = [];
    let messages = 0;
    for (const { name, partitions } of topics) {
      const results: Codec[] = [];
      for (const { partition, batch } of partitions) {
        broker.batches.push(batch.length);
        const log = broker.topics.get(name)?.[partition];
        const code = log === undefined ? codes.unknownTopic : batch.length > broker.maxBytes ? codes.messageTooLarge : 0;
        const base = log?.length ?? 0;
        if (code === 0) {
          const ids = await idsIn(batch);
          messages += ids.length;
          log!.push(...ids);
        }
        results.push(
          new Encoder()
            .writeInt32(partition)
            .writeInt16(code)
            .writeInt64(code === 0 ? base : -1)
            .writeInt64(-1),
        );
      }
      answers.push(new Encoder().writeString(name).writeArray(results));
    }
    await broker.onProduce(messages);
    return new Encoder().writeArray(answers).writeInt32(0);
  }

  const broker: TestBroker = {
    address: `127.0.0.1:${ownPort}`,
    clusterId: 'cluster-of-tests',
    topics: new Map(),
    expired: 0,
    batches: [],
    isMute: false,
    maxBytes: 1_048_588,
    onProduce: async () => {},
    mayWrite: true,
    get connections() {
      return sockets.size;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return broker;
}

async function idsIn(batch: Buffer): Promise<string[]> {
  const decoder = new Decoder(batch);
  // The client reads the magic byte of a batch before its first offset: a fetch has it so.
  const { records } = await decodeBatch(decoder);
  return records.map(({ headers }: Codec) => String(headers.ce_id));
}
