import { hash as digest, type KeyObject } from 'node:crypto';
import { hideErasedNames } from './erased-mentions.ts';
import type { SchemaVersion } from './event-type.ts';
import { type DataKey, open, seal } from './keys/data-key.ts';
import type { KeyVault, OnUnreadable } from './keys/key-vault.ts';
import { inSchemaOrder } from './member-order.ts';
import type { EventContext, EventMetadata } from './metadata.ts';
import type { Recorded, RecordedEvent } from './recorded-event.ts';
import { put, take } from './sealed-members.ts';
import type { EncodedEvent, StoredEvent } from './store/event-store.ts';
import { allEventTypes, type EventTypeName, knownVersion, upcast } from './upcasters.ts';
import { uuidv5 } from './uuid.ts';
import { VOCABULARY } from './vocabulary.ts';
import { type WrittenVersion, writtenVersion } from './written-version.ts';

/**
 * How events become bytes and come back: encode, encrypt, hash. The bytes are for ever.
 *
 * Data is the JSON of the event's open members, and under `$sealed` for each key its id, a box in base64 and the dotted paths of the
 * members in it; the box is those members, by path, as one JSON object in AES-256-GCM bound to the event's id. Metadata is JSON with `hash` as its last member. The hash is
 * SHA-256 over the hash before it in the stream (empty for the first event), the JSON array of stream, revision, id and type, the
 * metadata without the hash, and the data, each behind a line feed.
 */
const SEALED = '$sealed';

export interface Keys {
  task?: DataKey;
  author?: DataKey;
}

/** The place that a batch of events is to take in its stream. */
export interface Place {
  stream: string;
  /** The revision of the first of them. */
  revision: number;
  /** The hash of the event before it; empty when there is none. */
  previousHash: string;
}

type Decided = { type: EventTypeName; data: object };

type SealedBox = [keyId: string, box: string, paths: string[]];

type Unplaced<E> = E extends { type: string; data: unknown } ? Omit<Recorded<E>, 'position'> : never;

export interface Encoded<E> {
  encoded: EncodedEvent[];
  /** The events with their metadata: what recording them will make of them, but for the position. */
  recorded: Unplaced<E>[];
  /** The lowest vocabulary that reads all of them. */
  vocabulary: number;
}

/** A release with the vocabulary that was asked for has no version that holds the event. */
export class VocabularyTooOld extends Error {
  override name = 'VocabularyTooOld';
}

/**
 * Encodes the events of one command, in order, each in the lowest schema version that holds it with its text sealed.
 * @param vocabulary the one that every reader knows: where only a newer one would seal a text, it is left in clear
 * @throws VocabularyTooOld; an error when an event has text to seal and its key is not given
 */
export function encodeEvents<E extends Decided>(
  events: readonly E[],
  place: Place,
  context: EventContext,
  keys: Keys,
  vocabulary = VOCABULARY,
): Encoded<E> {
  const result: Encoded<E> = { encoded: [], recorded: [], vocabulary: 1 };
  let { revision, previousHash } = place;
  events.forEach((event, index) => {
    const id = eventIdOf(context, index);
    const written = writtenVersion(allEventTypes[event.type], event.data as Record<string, unknown>, vocabulary);
    if (!written) throw new VocabularyTooOld(`Vocabulary ${vocabulary} has no version of ${event.type} that holds it`);
    const { data, keyIds } = sealData(event.type, written, id, keys);
    const open = {
      event_id: id,
      schema_version: written.number,
      ...context,
      ...(keyIds.length > 0 && { key_ids: keyIds }),
    };
    const unhashed = JSON.stringify(open);
    const hash = chainHash(previousHash, place.stream, revision, id, event.type, unhashed, data);
    result.encoded.push({ id, type: event.type, metadata: Buffer.from(`${unhashed.slice(0, -1)},"hash":"${hash}"}`), data });
    const metadata = { ...open, hash };
    // As it will be read, whether it comes from here or from the store.
    const asRead = inSchemaOrder(event.type, event.data);
    result.recorded.push({ ...event, data: asRead, stream: place.stream, revision, metadata, redacted: [] } as unknown as Unplaced<E>);
    known.set(data, { metadata, data: asRead });
    result.vocabulary = Math.max(result.vocabulary, written.schema.vocabulary);
    previousHash = hash;
    revision++;
  });
  return result;
}

/** The id of one of the events of a command: it is known before they are recorded. */
export function eventIdOf({ operation_id, command_id }: EventContext, index: number): string {
  return uuidv5(`${operation_id}/${index}`, command_id);
}

/**
 * What is in the bytes of an event, by the buffer of its data, for as long as somebody holds that: of events that were encoded here, and
 * of those that several followers of the log are given alike.
 */
const known = new WeakMap<Buffer, Content>();

interface Content {
  metadata: EventMetadata;
  data: object;
}

/**
 * Opens, upcasts and types events as they come from the store, in their order, without the names of erased users. Who decodes the same event again may be given the same
 * object: it is not to be changed.
 * @param unreadable what becomes of text whose key is there and does not open; who decides by the text must refuse it
 * @throws UnknownEvent, and KeyUnreadable where such text is refused
 */
export async function decodeEvents(
  stored: readonly StoredEvent[],
  vault: KeyVault,
  unreadable: OnUnreadable = 'redact',
): Promise<RecordedEvent[]> {
  const metadata = stored.map((event) => contentOf(event)?.metadata ?? (JSON.parse(event.metadata.toString()) as EventMetadata));
  const keyIds = new Set<string>();
  for (const { key_ids } of metadata) if (key_ids) for (const id of key_ids) keyIds.add(id);
  const keys = keyIds.size > 0 ? await vault.load(keyIds, unreadable) : new Map<string, KeyObject>();
  const decoded = stored.map((event, index) => decode(event, metadata[index]!, keys));
  return hideErasedNames(decoded, vault.erasedNames);
}

function contentOf({ id, data }: StoredEvent): Content | undefined {
  const content = known.get(data);
  return content?.metadata.event_id === id ? content : undefined;
}

function decode(event: StoredEvent, metadata: EventMetadata, keys: ReadonlyMap<string, KeyObject>): RecordedEvent {
  const { stream, revision, position, type } = event;
  // What a key was needed for is known no longer than the key.
  const isReadable = metadata.key_ids === undefined || metadata.key_ids.every((id) => keys.has(id));
  const content = isReadable ? contentOf(event) : undefined;
  if (content) return { type, data: content.data, stream, revision, position, metadata, redacted: [] } as unknown as RecordedEvent;
  const opened = JSON.parse(event.data.toString()) as Record<string, unknown>;
  const redacted = unsealData(event, opened, keys, knownVersion(type, metadata.schema_version));
  const data = inSchemaOrder(type as EventTypeName, upcast(type, metadata.schema_version, opened));
  if (isReadable) known.set(event.data, { metadata, data });
  return { type, data, stream, revision, position, metadata, redacted } as unknown as RecordedEvent;
}

const LINE_FEED = Buffer.from('\n');
const HASH_MEMBER = Buffer.from(',"hash":"');
/** What the metadata ends in: the member, 32 bytes in base64url, and the end of the object. */
const HASH_TAIL = HASH_MEMBER.length + 43 + '"}'.length;

/** The hash that an event must carry, from its stored bytes and the hash before it, and the one it does; null when it carries none. */
export function expectedHash(event: StoredEvent, previousHash: string): { expected: string; carried: string | null } {
  const { stream, revision, id, type, metadata, data } = event;
  const carried = carriedHash(metadata);
  // Byte for byte: as text, bytes that are no UTF-8 would all be the same.
  const unhashed = carried === null ? metadata : Buffer.concat([metadata.subarray(0, -HASH_TAIL), Buffer.from('}')]);
  return { expected: chainHash(previousHash, stream, revision, id, type, unhashed, data), carried };
}

function carriedHash(metadata: Buffer): string | null {
  const tail = metadata.subarray(-HASH_TAIL);
  if (!tail.subarray(0, HASH_MEMBER.length).equals(HASH_MEMBER)) return null;
  return /^([A-Za-z0-9_-]{43})"\}$/.exec(tail.toString('latin1', HASH_MEMBER.length))?.[1] ?? null;
}

function chainHash(
  previous: string,
  stream: string,
  revision: number,
  id: string,
  type: string,
  metadata: string | Buffer,
  data: Buffer,
): string {
  const place = `${previous}\n${JSON.stringify([stream, revision, id, type])}\n`;
  const head = typeof metadata === 'string' ? [Buffer.from(`${place}${metadata}\n`)] : [Buffer.from(place), metadata, LINE_FEED];
  return digest('sha256', Buffer.concat([...head, data]), 'base64url');
}

function sealData(type: string, { schema, data }: WrittenVersion, id: string, keys: Keys): { data: Buffer; keyIds: string[] } {
  const { taskText, authorText } = schema;
  let open: Record<string, unknown> = data;
  const boxes: SealedBox[] = [];
  for (const [paths, key] of [
    [taskText, keys.task],
    [authorText, keys.author],
  ] as const) {
    if (paths.length === 0) continue;
    const taken = take(open, paths);
    if (Object.keys(taken.sealed).length === 0) continue;
    if (!key) throw new Error(`No key was given to seal ${type}`);
    open = taken.rest;
    boxes.push([key.id, seal(key.key, JSON.stringify(taken.sealed), id).toString('base64'), Object.keys(taken.sealed)]);
  }
  const text = JSON.stringify(boxes.length > 0 ? { ...open, [SEALED]: boxes } : open);
  return { data: Buffer.from(text), keyIds: boxes.map(([keyId]) => keyId) };
}

/** Puts the sealed members back into `data`; those whose key is gone become null, or empty lists. @returns their JSON pointers. */
function unsealData(
  event: StoredEvent,
  data: Record<string, unknown>,
  keys: ReadonlyMap<string, KeyObject>,
  { lists }: SchemaVersion,
): string[] {
  const boxes = data[SEALED] as SealedBox[] | undefined;
  if (boxes === undefined) return [];
  delete data[SEALED];
  const redacted: string[] = [];
  for (const [keyId, box, paths] of boxes) {
    const key = keys.get(keyId);
    const sealed = key && (JSON.parse(open(key, Buffer.from(box, 'base64'), event.id).toString()) as Record<string, unknown>);
    for (const path of paths) put(data, path, sealed?.[path] ?? (lists.includes(path) ? [] : null));
    if (!sealed) redacted.push(...paths.map((path) => `/${path.replaceAll('.', '/')}`));
  }
  return redacted;
}
