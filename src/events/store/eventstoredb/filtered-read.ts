import type { EventStoreDBClient, ResolvedEvent, StreamingRead } from '@eventstore/db-client';
import { ReadStream } from '@eventstore/db-client/dist/streams/utils/ReadStream.js';
import { convertGrpcEvent } from '@eventstore/db-client/dist/utils/index.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import type { Position } from '../event-store.ts';

const { ReadReq } = streams;
type Options = InstanceType<typeof ReadReq.Options>;
type Call = ReturnType<StreamsClient['read']>;

/** Which events of `$all` the server is to send: by what their streams, or their types, begin with. */
export type Filter = { streams: readonly string[] } | { types: readonly string[] };

export interface FilteredRead {
  filter: Filter;
  direction: 'forwards' | 'backwards';
  from: Position | 'start' | 'end';
  /** So many that pass the filter. The server ends the read with fewer only at the end of the log. */
  maxCount: number;
}

/** What the client keeps to itself: its channel, credentials and reconnecting, for a call of ours. */
interface ClientInternals {
  GRPCStreamCreator(type: typeof StreamsClient, name: string, create: (stub: StreamsClient) => Call): () => Promise<Call>;
  callArguments(
    options: { requiresLeader: boolean },
    callOptions: { deadline: number },
  ): Parameters<StreamsClient['read']> extends [unknown, ...infer Rest] ? Rest : never;
}

/** Reads `$all` through a filter of the server. The server has such reads; the client's `readAll` has no way to ask for one. */
export function readFiltered(client: EventStoreDBClient, read: FilteredRead): StreamingRead<ResolvedEvent> {
  const request = new ReadReq().setOptions(optionsOf(read));
  const internals = client as unknown as ClientInternals;
  const create = internals.GRPCStreamCreator(StreamsClient, 'readFiltered', (stub) =>
    stub.read(request, ...internals.callArguments({ requiresLeader: true }, { deadline: Infinity })),
  );
  return new ReadStream(create, convertGrpcEvent, {}) as unknown as StreamingRead<ResolvedEvent>;
}

function optionsOf({ filter, direction, from, maxCount }: FilteredRead): Options {
  const all = new ReadReq.Options.AllOptions();
  if (from === 'start') all.setStart(new shared.Empty());
  else if (from === 'end') all.setEnd(new shared.Empty());
  else all.setPosition(new ReadReq.Options.Position().setCommitPosition(String(from)).setPreparePosition(String(from)));
  const expression = new ReadReq.Options.FilterOptions.Expression();
  const filtering = new ReadReq.Options.FilterOptions().setCount(new shared.Empty()).setCheckpointintervalmultiplier(1);
  if ('streams' in filter) filtering.setStreamIdentifier(expression.setPrefixList([...filter.streams]));
  else filtering.setEventType(expression.setPrefixList([...filter.types]));
  return new ReadReq.Options()
    .setAll(all)
    .setResolveLinks(false)
    .setCount(String(maxCount))
    .setReadDirection(direction === 'forwards' ? 0 : 1)
    .setUuidOption(new ReadReq.Options.UUIDOption().setString(new shared.Empty()))
    .setFilter(filtering);
}
