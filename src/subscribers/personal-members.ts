import { allEventTypes, type EventTypeName } from '../events/upcasters.ts';

/** What somebody wrote to others or named after somebody, beside what is sealed with its author's key. */
const alsoPersonal: { [T in EventTypeName]?: readonly string[] } = { TaskTransitioned: ['comment'], FileAttached: ['name'] };

/** The members of each event's data that are not told where an erasure cannot reach them. */
export function personalMembers(type: EventTypeName): readonly string[] {
  return [...allEventTypes[type].authorText, ...(alsoPersonal[type] ?? [])];
}
