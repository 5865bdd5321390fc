import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FieldChange } from '../../src/events/task/changes.ts';
import { netChanges } from '../../src/events/task/net-changes.ts';
import { evolve, type Task } from '../../src/events/task/task.ts';
import type { TaskEvent } from '../../src/events/task/task-events.ts';
import { randomHistory } from '../projections/random-history.ts';
import { deleted } from '../support/happenings.ts';

/** What a reader finds in an event once the task's owner, or the author of a comment, was erased. */
function erasedEvent(event: TaskEvent): TaskEvent {
  const { type, data } = structuredClone(event) as { type: string; data: Record<string, unknown> };
  if (type === 'TaskCreated') Object.assign(data, { title: null, description: null });
  if (type === 'TaskEdited' && 'title' in (data.changes as object)) Object.assign(data.changes as object, { title: null });
  if (type === 'CommentAdded') data.content = null;
  return { type, data } as TaskEvent;
}

type Facts = Map<string, unknown>;

/** The task as the fold has it, by the names of its fields in a diff; without text, which an erasure may have taken. */
function fieldsOf({ shares, comments, ...task }: Task): Facts {
  const { status, priority, dueDate, completedAt, tags, ownerId, assigneeId, deletedAt } = task;
  return new Map<string, unknown>([
    // An erasure takes the tags with the other text, which is no change that an event tells of.
    ...(task.erased ? [] : [['tags', tags] as const]),
    ...Object.entries({ status, priority, due_date: dueDate, completed_at: completedAt, owner_id: ownerId }),
    ['assignee_id', assigneeId],
    ['deleted', deletedAt !== null],
    ...[...shares].map(([id, { permission }]) => [`shares.${id}`, permission] as const),
    ...[...comments].map(([id, { deletedBy }]) => [`comments.${id}.deleted`, deletedBy !== null] as const),
  ]);
}

/** What is different between two folds, of which the one is earlier. */
function difference(before: Facts, after: Facts): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const field of new Set([...before.keys(), ...after.keys()])) {
    const [from, to] = [before.get(field) ?? null, after.get(field) ?? null];
    // A comment that came has its own line, which has its text.
    if (field.startsWith('comments.') && from === null) continue;
    if (field === 'tags' && !after.has(field)) continue;
    if (JSON.stringify(from) !== JSON.stringify(to)) changes.push({ field, from, to });
  }
  return changes;
}

const sorted = (changes: readonly FieldChange[]) => [...changes].sort((one, other) => (one.field < other.field ? -1 : 1));

test('the diff between any two revisions is what is different between the two folds, whatever was erased', () => {
  fc.assert(
    fc.property(randomHistory, fc.boolean(), ({ events: all }, isErased) => {
      for (const stream of new Set(all.map((event) => event.stream))) {
        const told = all.filter((event) => event.stream === stream) as TaskEvent[];
        const again: TaskEvent = { ...deleted(), data: { ...deleted().data, reason: 'erased' } } as TaskEvent;
        const events: TaskEvent[] = [];
        const states: Task[] = [];
        const happen = (event: TaskEvent) => {
          const fact = { type: event.type, data: event.data, taskId: 'any', at: '2026-01-02T04:00:00.000Z', by: 'anyone' } as never;
          states.push(evolve(states.at(-1) ?? null, fact)!);
          events.push(event);
        };
        for (const event of isErased ? [...told.map(erasedEvent), again] : told) {
          // A new owner's share is taken away by an event of its own.
          const share = event.type === 'TaskTransferred' && states.at(-1)!.shares.get(event.data.owner_id.to);
          if (share) {
            const data = { user_id: event.data.owner_id.to, permission: share.permission, reason: 'transferred' };
            happen({ type: 'TaskUnshared', data } as TaskEvent);
          }
          happen(event);
        }
        for (const [to, after] of states.entries()) {
          for (const [from, before] of states.slice(0, to).entries()) {
            const between = events.slice(from + 1, to + 1);
            const net = netChanges(before.deletedAt !== null);
            for (const event of between) net.add(event);
            const changes = net.total().filter(({ field }) => field !== 'tags' || !after.erased);
            const isText = ({ field }: FieldChange) => field === 'title' || /^comments\.[^.]+$/.test(field);
            expect(sorted(changes.filter((change) => !isText(change)))).toEqual(sorted(difference(fieldsOf(before), fieldsOf(after))));

            const came = [...after.comments].filter(([id, { deletedBy }]) => !before.comments.has(id) && deletedBy === null);
            const comments = came.map(([id]) => ({
              field: `comments.${id}`,
              ...(isErased ? { from: null, to: null, erased: true } : { from: null, to: 'Well done' }),
            }));
            const isEdited = between.some(({ type, data }) => type === 'TaskEdited' && 'title' in data.changes);
            const edited = { field: 'title', from: null, to: null, erased: true };
            const isDifferent = before.title !== after.title;
            const title = isErased
              ? isEdited
                ? [edited]
                : []
              : isDifferent
                ? [{ field: 'title', from: before.title, to: after.title }]
                : [];
            expect(sorted(changes.filter(isText))).toEqual(sorted([...comments, ...title] as FieldChange[]));
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});
