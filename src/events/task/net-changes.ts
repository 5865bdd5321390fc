import { isDeepStrictEqual } from 'node:util';
import { type FieldChange, fieldChanges } from './changes.ts';
import type { TaskEvent } from './task-events.ts';

/** Adds up what events changed, as they come. */
export interface NetChanges {
  add(event: TaskEvent): void;
  /** What is different after all of them: nothing where a field has its first value again, or what came is gone again. */
  total(): FieldChange[];
}

/** @param wasDeleted whether the task was deleted before the first of the events */
export function netChanges(wasDeleted = false): NetChanges {
  const net = new Map<string, FieldChange>();
  /** The comments and files that the events brought. */
  const came = new Set<string>();
  let isDeleted = wasDeleted;
  return {
    add(event) {
      for (const change of fieldChanges(event, isDeleted)) {
        net.set(change.field, { ...change, from: (net.get(change.field) ?? change).from });
        if (event.type === 'CommentAdded' || event.type === 'FileAttached') came.add(change.field);
      }
      if (event.type === 'TaskDeleted' || event.type === 'TaskRestored') isDeleted = event.type === 'TaskDeleted';
    },
    total() {
      const isGoneAgain = (field: string) => came.has(field) && net.get(`${field}.deleted`)?.to === true;
      // Between two erased values it is known that something changed, and not what.
      const changes = [...net.values()].filter(({ from, to, erased }) => erased || !isDeepStrictEqual(from, to));
      return changes.filter(({ field }) => !isGoneAgain(field.split('.').slice(0, 2).join('.')));
    },
  };
}

/** The same, seen from the other end. */
export function reversed(changes: readonly FieldChange[]): FieldChange[] {
  return changes.map(({ from, to, ...rest }) => ({ ...rest, from: to, to: from }));
}
