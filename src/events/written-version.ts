import type { EventType, SchemaVersion } from './event-type.ts';
import { take } from './sealed-members.ts';

type Data = Record<string, unknown>;

/** An event's data in the schema version in which they are written. */
export interface WrittenVersion {
  number: number;
  schema: SchemaVersion;
  data: Data;
}

/**
 * The lowest version of at most this vocabulary that holds the data with its text sealed; where there is none, the lowest one that holds
 * them with text in clear. Undefined where an older vocabulary cannot hold the event at all.
 */
export function writtenVersion({ versions }: EventType, data: Data, vocabulary: number): WrittenVersion | undefined {
  let sealed: WrittenVersion | undefined;
  let inClear: WrittenVersion | undefined;
  let current: Data | undefined = data;
  for (let number = versions.length; number >= 1; number--) {
    const schema = versions[number - 1]!;
    // The highest version has nothing to come from.
    if (schema.downcast) current = schema.downcast(current);
    if (current === undefined) break;
    if (schema.vocabulary > vocabulary) continue;
    if (hasText(current, schema.unsealed)) inClear = { number, schema, data: current };
    else sealed = { number, schema, data: current };
  }
  return sealed ?? inClear;
}

function hasText(data: Data, paths: readonly string[]): boolean {
  if (paths.length === 0) return false;
  return Object.values(take(data, paths).sealed).some((value) => !(Array.isArray(value) && value.length === 0));
}
