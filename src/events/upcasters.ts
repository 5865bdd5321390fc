import type { SchemaVersion } from './event-type.ts';
import { taskEvents } from './task/task-events.ts';
import { userEvents } from './user/user-events.ts';
import { VOCABULARY } from './vocabulary.ts';

const eventTypes = { ...taskEvents, ...userEvents };
type EventTypes = typeof eventTypes;

/** Every event type there is, with its schema, version and sealed members. */
export const allEventTypes: EventTypes = eventTypes;
export type EventTypeName = keyof EventTypes;

/** The log holds something that this release does not know: it must not be skipped, and not guessed at. */
export class UnknownEvent extends Error {
  override name = 'UnknownEvent';
}

/** The version of a type that an event is stored in. @throws UnknownEvent for one that this release does not know */
export function knownVersion(type: string, version: number): SchemaVersion {
  const known = Object.hasOwn(eventTypes, type) ? eventTypes[type as EventTypeName].versions[version - 1] : undefined;
  if (known === undefined || known.vocabulary > VOCABULARY) {
    throw new UnknownEvent(`Event type ${type} in schema version ${version} is not known to this release`);
  }
  return known;
}

/**
 * Brings data from the version that they are stored in to today's. One event stays one event: revisions are the store's.
 * @throws UnknownEvent for a type or schema version that this release does not know
 */
export function upcast(type: string, version: number, data: Record<string, unknown>): Record<string, unknown> {
  knownVersion(type, version);
  const { versions } = eventTypes[type as EventTypeName];
  return versions.slice(version - 1).reduce((older, { upcast: toNext }) => toNext?.(older) ?? older, data);
}
