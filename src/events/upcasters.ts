import { taskEvents } from './task/task-events.ts';
import { userEvents } from './user/user-events.ts';

const eventTypes = { ...taskEvents, ...userEvents };
type EventTypes = typeof eventTypes;

/** Every event type there is, with its schema, version and sealed members. */
export const allEventTypes: EventTypes = eventTypes;
export type EventTypeName = keyof EventTypes;

/** Brings the data of one schema version to the next. One event stays one event: revisions are the store's. */
type Upcaster = (data: Record<string, unknown>) => Record<string, unknown>;

/** For each type, the step from version n (the first element: from 1) to n + 1. */
const upcasters: { [T in EventTypeName]?: readonly Upcaster[] } = {};

/** The log holds something that this release does not know: it must not be skipped, and not guessed at. */
export class UnknownEvent extends Error {
  override name = 'UnknownEvent';
}

/** @throws UnknownEvent for a type or schema version that this release does not know. */
export function upcast(type: string, version: number, data: Record<string, unknown>): Record<string, unknown> {
  const known = Object.hasOwn(eventTypes, type) ? eventTypes[type as EventTypeName] : undefined;
  if (known === undefined || !(version >= 1 && version <= known.version)) {
    throw new UnknownEvent(`Event type ${type} in schema version ${version} is not known to this release`);
  }
  const steps = upcasters[type as EventTypeName] ?? [];
  return steps.slice(version - 1).reduce((older, step) => step(older), data);
}
