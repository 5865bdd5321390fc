import { isDeepStrictEqual } from 'node:util';
import { type FieldChange, fieldChanges } from './changes.ts';
import type { TaskEvent } from './task-events.ts';

/** Adds up what events changed, as they come. */
export interface NetChanges {
  add(event: TaskEvent): void;
  /** What is different after all of them: nothing where a field has its first value again, or what came is gone again. */
  total(): FieldChange[];
}

export function netChanges(): NetChanges {
  const net = new Map<string, FieldChange>();
  return {
    add(event) {
      for (const change of fieldChanges(event)) net.set(change.field, { ...change, from: (net.get(change.field) ?? change).from });
    },
    total() {
      const isGoneAgain = (field: string) => net.get(field)?.from === null && net.get(`${field}.deleted`)?.to === true;
      const changes = [...net.values()].filter(({ from, to }) => !isDeepStrictEqual(from, to));
      return changes.filter(({ field }) => !isGoneAgain(field.split('.').slice(0, 2).join('.')));
    },
  };
}

/** The same, seen from the other end. */
export function reversed(changes: readonly FieldChange[]): FieldChange[] {
  return changes.map(({ field, from, to }) => ({ field, from: to, to: from }));
}
