import { isUtf8 } from 'node:buffer';
import type { ResolvedEvent } from '@eventstore/db-client';
import type { CandidateEvent } from '../../own-events.ts';
import type { StoredEvent } from '../event-store.ts';

/**
 * How events of the port stand in EventStoreDB: data as bytes, metadata as the JSON that it is. The client parses any metadata that it
 * can, and gives the value instead of the bytes: so JSON is written as it is where making it JSON again gives the same bytes (as it does
 * for what `JSON.stringify` made), and everything else behind a byte order mark, which no JSON begins with.
 */
const MARK = Buffer.from('efbbbf', 'hex');

export function metadataAsStored(metadata: Buffer): Buffer {
  return metadata.length === 0 || isExactAsJson(metadata) ? metadata : Buffer.concat([MARK, metadata]);
}

/** What is looked at to tell whose an event is; undefined where a link leads nowhere. */
export function candidateOf({ event }: ResolvedEvent): CandidateEvent | undefined {
  return event && { stream: event.streamId, id: event.id, type: event.type, metadata: event.metadata };
}

/** @param namespace what the store's streams begin with in EventStoreDB, and not here */
export function toStoredEvent({ event }: ResolvedEvent, namespace: string): StoredEvent {
  const { streamId, id, type, revision, position, metadata, data } = event!;
  return {
    id,
    type,
    metadata: metadataBytes(metadata),
    // Others may have written JSON, which the client has parsed.
    data: data instanceof Uint8Array ? bufferOf(data) : Buffer.from(JSON.stringify(data)),
    stream: streamId.slice(namespace.length),
    revision: Number(revision),
    position: position!.commit,
  };
}

function metadataBytes(metadata: unknown): Buffer {
  if (metadata === undefined) return Buffer.alloc(0);
  if (!(metadata instanceof Uint8Array)) return Buffer.from(JSON.stringify(metadata));
  const bytes = bufferOf(metadata);
  return bytes.subarray(0, MARK.length).equals(MARK) ? bytes.subarray(MARK.length) : bytes;
}

function isExactAsJson(bytes: Buffer): boolean {
  if (!isUtf8(bytes)) return false;
  const text = bytes.toString();
  try {
    return JSON.stringify(JSON.parse(text)) === text;
  } catch {
    return false;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
