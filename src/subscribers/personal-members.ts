import { allEventTypes, type EventTypeName } from '../events/upcasters.ts';

/** The one text of a task that goes where an erasure cannot reach it: its title. */
const TITLES: ReadonlySet<string> = new Set(['title', 'changes.title']);

const members = new Map(
  Object.entries(allEventTypes).map(([type, { authorText, taskText }]) => [
    type as EventTypeName,
    [...authorText, ...taskText.filter((path) => !TITLES.has(path))],
  ]),
);

/** The dotted paths of members of an event's data that hold text which an erasure could not reach outside: they are null there. */
export function personalMembers(type: EventTypeName): readonly string[] {
  return members.get(type)!;
}
