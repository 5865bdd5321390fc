import type { Append, Appended } from '../event-store.ts';
import { WrongExpectedRevision } from '../event-store.ts';

export const appendBatchText =
  'select head, positions, actual_revisions from event_log.append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)';

/** What event_log.append_batch answers. */
export interface BatchAnswer {
  head: string;
  positions: (string | null)[] | null;
  actual_revisions: number[] | null;
}

/** Revisions are 32 bits wide. Whoever expects more than a stream can have is answered like anybody who expects too much. */
const HIGHEST_EXPECTED = 2 ** 31 - 1_000_000;

/** The parameters of event_log.append_batch: few and large, for each one has its price. */
export function encodeBatch(appends: readonly Append[]): unknown[] {
  const streams: string[] = [];
  const revisions: number[] = [];
  const ordinals: number[] = [];
  const ids: string[] = [];
  const types: string[] = [];
  const metadataStarts: number[] = [];
  const dataStarts: number[] = [];
  const ends: number[] = [];
  const bodies = gatherBodies();
  for (const { stream, expectedRevision, events } of appends) {
    const first = firstRevision(expectedRevision);
    for (let ordinal = 0; ordinal < events.length; ordinal++) {
      const event = events[ordinal]!;
      streams.push(stream);
      revisions.push(first + ordinal);
      ordinals.push(ordinal);
      ids.push(event.id);
      types.push(event.type);
      metadataStarts.push(bodies.add(event.metadata));
      dataStarts.push(bodies.add(event.data));
      ends.push(bodies.end());
    }
  }
  const keys = encodeKeys(appends, bodies);
  return [
    ...[textArray(streams), integerArray(revisions), integerArray(ordinals), textArray(ids), textArray(types)],
    ...[bodies.concat(), integerArray(metadataStarts), integerArray(dataStarts), integerArray(ends)],
    ...keys,
  ];
}

/** What became of each append, in the order they were given. */
export function readAnswer(
  appends: readonly Append[],
  { head, positions, actual_revisions }: BatchAnswer,
): (Appended | WrongExpectedRevision)[] {
  let position = BigInt(head);
  return appends.map(({ stream, expectedRevision, events }, index) => {
    const revision = firstRevision(expectedRevision) + events.length - 1;
    position += BigInt(events.length);
    if (!positions) return { revision, position };
    const recorded = positions[index];
    if (recorded) return { revision, position: BigInt(recorded) };
    const actual = actual_revisions?.[index] ?? -1;
    return new WrongExpectedRevision(stream, expectedRevision, actual === -1 ? 'no_stream' : actual);
  });
}

/** How much of a batch an append takes up, in bytes. */
export function sizeOf({ events, newKeys = [] }: Append): number {
  let size = 0;
  for (const { metadata, data } of events) size += metadata.length + data.length;
  for (const { wrapped } of newKeys) size += wrapped.length;
  return size;
}

function firstRevision(expected: Append['expectedRevision']): number {
  return expected === 'no_stream' ? 0 : Math.min(expected, HIGHEST_EXPECTED) + 1;
}

function encodeKeys(appends: readonly Append[], bodies: ReturnType<typeof gatherBodies>): unknown[] {
  const ids: string[] = [];
  const subjects: string[] = [];
  const numbers: number[] = [];
  const starts: number[] = [];
  const ends: number[] = [];
  appends.forEach(({ newKeys = [] }, index) => {
    for (const { id, subject, wrapped } of newKeys) {
      ids.push(id);
      subjects.push(subject);
      numbers.push(index + 1);
      starts.push(bodies.add(wrapped));
      ends.push(bodies.end());
    }
  });
  return [textArray(ids), textArray(subjects), integerArray(numbers), integerArray(starts), integerArray(ends)];
}

/** One buffer for all bodies; offsets count from 1, as SQL does. */
function gatherBodies() {
  const parts: Buffer[] = [];
  let end = 1;
  return {
    /** Answers where it starts. */
    add(part: Buffer): number {
      const start = end;
      parts.push(part);
      end += part.length;
      return start;
    },
    end: () => end,
    concat: () => Buffer.concat(parts, end - 1),
  };
}

/** Of texts that need no escaping: names and ids, which the store has looked at before. Quoted, for one could be called null. */
function textArray(values: readonly string[]): string {
  return values.length === 0 ? '{}' : `{"${values.join('","')}"}`;
}

/** In PostgreSQL's binary form, which costs both sides less than digits. */
function integerArray(values: readonly number[]): Buffer {
  if (values.length === 0) return emptyIntegerArray;
  const array = Buffer.allocUnsafe(20 + 8 * values.length);
  let offset = 0;
  for (const header of [1, 0, INTEGER, values.length, 1]) offset = array.writeInt32BE(header, offset);
  for (const value of values) {
    offset = array.writeInt32BE(4, offset);
    offset = array.writeInt32BE(value, offset);
  }
  return array;
}

/** The type's number in PostgreSQL's catalogue. */
const INTEGER = 23;

/** No dimensions, no nulls, the type. */
const emptyIntegerArray = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, INTEGER]);
