import type { EventStoreDBClient } from '@eventstore/db-client';
import { unpackToCommandError } from '@eventstore/db-client/dist/streams/appendToStream/unpackError.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams, { type BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { EncodedEvent, ExpectedRevision, Position } from '../event-store.ts';
import { metadataAsStored } from './recorded.ts';

const { BatchAppendReq } = streams;

export interface AppendRequest {
  stream: string;
  expectedRevision: ExpectedRevision;
  events: readonly EncodedEvent[];
}

/** As the server gives it. */
export interface AppendAnswer {
  revision: number;
  position: Position | undefined;
}

type Call = ReturnType<StreamsClient['batchAppend']>;

interface Opened {
  call: Call;
  waiting: Map<string, PromiseWithResolvers<AppendAnswer>>;
}

/** What the client keeps to itself: its channel, credentials and reconnecting, for a call of ours. */
interface ClientInternals {
  GRPCStreamCreator(type: typeof StreamsClient, name: string, create: (stub: StreamsClient) => Call): () => Promise<Call>;
  callArguments(options: { requiresLeader: boolean }, callOptions: { deadline: number }): Parameters<StreamsClient['batchAppend']>;
}

/**
 * The call by which a client appends, with the answers it still owes. The client has one of its own, `appendToStream`, but that keeps one
 * table of pending appends for all clients of the process, so that one's lost connection fails the other's appends and stalls it for good;
 * and an outage while it holds back writes ends the process by rejections that nobody can handle.
 */
export class AppendStream {
  readonly #create: () => Promise<Call>;
  #opened: Promise<Opened> | undefined;
  #count = 0;

  constructor(client: EventStoreDBClient) {
    const internals = client as unknown as ClientInternals;
    const open = (stub: StreamsClient) => stub.batchAppend(...internals.callArguments({ requiresLeader: true }, { deadline: Infinity }));
    this.#create = internals.GRPCStreamCreator(StreamsClient, 'append', open);
  }

  /** @throws what the client's `appendToStream` throws, and Error when the call ended without an answer */
  async append(request: AppendRequest): Promise<AppendAnswer> {
    const { call, waiting } = await (this.#opened ?? this.#open());
    const number = String(++this.#count);
    const answer = Promise.withResolvers<AppendAnswer>();
    waiting.set(number, answer);
    call.write(encode(request, number));
    return answer.promise;
  }

  #open(): Promise<Opened> {
    const opened = this.#create().then((call) => {
      const waiting: Opened['waiting'] = new Map();
      const end = (error: Error) => {
        if (this.#opened === opened) this.#opened = undefined;
        for (const { reject } of waiting.values()) reject(error);
        waiting.clear();
      };
      call.on('data', (response: BatchAppendResp) => settle(response, waiting));
      call.on('error', end);
      call.on('end', () => end(new Error('the server ended the call')));
      return { call, waiting };
    });
    this.#opened = opened;
    opened.catch(() => {
      if (this.#opened === opened) this.#opened = undefined;
    });
    return opened;
  }
}

function encode({ stream, expectedRevision, events }: AppendRequest, number: string): InstanceType<typeof BatchAppendReq> {
  const options = new BatchAppendReq.Options();
  options.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(stream)));
  if (expectedRevision === 'no_stream') options.setNoStream(new shared.Empty());
  else options.setStreamPosition(String(expectedRevision));
  const correlation = new shared.UUID.Structured().setMostSignificantBits('0').setLeastSignificantBits(number);
  return new BatchAppendReq()
    .setCorrelationId(new shared.UUID().setStructured(correlation))
    .setOptions(options)
    .setProposedMessagesList(events.map(encodeEvent))
    .setIsFinal(true);
}

function encodeEvent({ id, type, metadata, data }: EncodedEvent) {
  const message = new BatchAppendReq.ProposedMessage()
    .setId(new shared.UUID().setString(id))
    .setData(data)
    .setCustomMetadata(metadataAsStored(metadata));
  message.getMetadataMap().set('type', type).set('content-type', 'application/octet-stream');
  return message;
}

function settle(response: BatchAppendResp, waiting: Opened['waiting']): void {
  const number = response.getCorrelationId()?.getStructured()?.getLeastSignificantBits() ?? '';
  const answer = waiting.get(number);
  waiting.delete(number);
  const error = response.getError();
  const success = response.getSuccess();
  const position = success?.getPosition();
  if (error) answer?.reject(unpackToCommandError(error, ''));
  else answer?.resolve({ revision: Number(success?.getCurrentRevision()), position: position && BigInt(position.getCommitPosition()) });
}
