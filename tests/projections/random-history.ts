import fc from 'fast-check';
import { assignTask } from '../../src/commands/task/assign-task.ts';
import { createTask } from '../../src/commands/task/create-task.ts';
import { deleteTask, restoreTask } from '../../src/commands/task/delete-task.ts';
import { editTask } from '../../src/commands/task/edit-task.ts';
import { addTags, removeTag } from '../../src/commands/task/tag-task.ts';
import type { TaskCommand } from '../../src/commands/task/task-command.ts';
import { transitionTask } from '../../src/commands/task/transition-task.ts';
import type { RecordedTaskEvent } from '../../src/events/recorded-event.ts';
import { evolve, type Task } from '../../src/events/task/task.ts';
import type { TaskEvent } from '../../src/events/task/task-events.ts';
import { priorities, statuses } from '../../src/events/values.ts';
import { Rejection } from '../../src/rejection.ts';
import { editor, type Happening, owner, recorded, stranger, viewer } from '../support/happenings.ts';

type Step = (task: Task | null) => Happening[];

const people = [owner, editor, viewer, stranger];

function asked<I>(command: TaskCommand<I>, input: I): Step {
  return (task) => {
    try {
      return command.decide(task, input, {
        taskId: task?.id ?? '',
        actor: { id: owner, isAdmin: true },
        at: '2026-01-02T04:00:00.000Z',
        history: [],
      });
    } catch (error) {
      if (error instanceof Rejection) return [];
      throw error;
    }
  };
}

const person = fc.constantFrom(...people).map((id) => ({ id, isActive: true }));
const tag = fc.constantFrom('a', 'b', 'c', 'd e');
const dueDate = fc.option(fc.constantFrom('2026-01-01', '2026-02-01', '2027-01-01'));

const titleOfAnyScript = fc.constantFrom('Cafe\u0301 🎉', 'Café', '买牛奶和面包', 'C++ Größe', 'テスト3級', 'Ёлка', 'cafés', 'ทดสอบระบบ');

/** What no command of today makes yet, straight as events. */
const sharing: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(editor, viewer, stranger), fc.constantFrom('view', 'edit'))
  .map(([user_id, permission]) => (task): TaskEvent[] => {
    if (task === null || task.deletedAt !== null || task.ownerId === user_id) return [];
    const has = task.shares.get(user_id)?.permission;
    if (has === undefined) return [{ type: 'TaskShared', data: { user_id, permission } }];
    if (has === permission) return [{ type: 'TaskUnshared', data: { user_id, permission, reason: 'revoked' } }];
    return [{ type: 'TaskSharePermissionChanged', data: { user_id, permission: { from: has, to: permission } } }];
  });

const transfer: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(...people), fc.constantFrom('edit', 'view', null))
  .map(([to, kept]) => (task) => {
    if (task === null || task.deletedAt !== null || task.ownerId === to) return [];
    return [{ type: 'TaskTransferred', data: { owner_id: { from: task.ownerId, to }, kept, reason: 'command' } }];
  });

const comment: fc.Arbitrary<Step> = fc.uuid().map((comment_id) => (task) => {
  if (task === null || task.deletedAt !== null) return [];
  const [last] = [...task.comments].filter(([, { deletedBy }]) => deletedBy === null);
  if (last && task.comments.size > 2)
    return [{ type: 'CommentDeleted', data: { comment_id: last[0], author_id: last[1].authorId, by: 'author' } }];
  return [{ type: 'CommentAdded', data: { comment_id, content: 'Well done', mentions: [] } }];
});

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom(...statuses).map((targetStatus) => asked(transitionTask, { targetStatus })),
  fc
    .record(
      { title: fc.oneof(fc.string({ minLength: 1, maxLength: 9 }), titleOfAnyScript), priority: fc.constantFrom(...priorities), dueDate },
      { requiredKeys: [] },
    )
    .map((edit) => asked(editTask, JSON.parse(JSON.stringify(edit).replaceAll('\\u0000', ' ')))),
  fc.uniqueArray(tag, { minLength: 1 }).map((tags) => asked(addTags, { tags })),
  tag.map((one) => asked(removeTag, { tag: one })),
  fc.option(person).map((assignee) => asked(assignTask, { assignee })),
  fc.constant(asked(deleteTask, { reason: 'command' })),
  fc.constant(asked(restoreTask, {})),
  sharing,
  transfer,
  comment,
);

const creation = fc
  .record({
    status: fc.constantFrom(...statuses),
    priority: fc.constantFrom(...priorities),
    dueDate,
    tags: fc.uniqueArray(tag).map((tags) => tags.sort()),
  })
  .map((fields) => asked(createTask, { title: 'A task', description: '', assignee: null, ...fields }));

const oneTask = fc.tuple(creation, fc.array(step, { maxLength: 12 })).map(([first, steps]) => {
  let task: Task | null = null;
  const happenings: Happening[] = [];
  for (const next of [first, ...steps]) {
    for (const happening of next(task)) {
      task = evolve(task, { ...happening, taskId: 'any', at: '2026-01-02T04:00:00.000Z', by: owner });
      happenings.push(happening);
    }
  }
  return happenings;
});

/** Histories of some tasks, interleaved in one global order, and the places at which they are cut into batches. */
export const randomHistory = fc
  .record({
    tasks: fc.array(oneTask, { minLength: 1, maxLength: 4 }),
    order: fc.array(fc.nat(3), { minLength: 30, maxLength: 30 }),
    cuts: fc.array(fc.nat(40), { maxLength: 8 }),
  })
  .map(({ tasks, order, cuts }) => {
    const queues = tasks.map((happenings, n) =>
      recorded(happenings, { task: `00000000-0000-7000-8000-0000000001${n.toString().padStart(2, '0')}` }),
    );
    const events: RecordedTaskEvent[] = [];
    for (let turn = 0; ; turn++) {
      const queue = queues[order[turn % order.length]! % queues.length]!;
      const next = queue.shift() ?? queues.find((other) => other.length > 0)?.shift();
      if (next === undefined) break;
      const position = BigInt(events.length + 1);
      const event_id = `00000000-0000-5000-8000-${position.toString(16).padStart(12, '0')}`;
      events.push({ ...next, position, metadata: { ...next.metadata, event_id } });
    }
    return { events, batches: cut(events, cuts) };
  });

function cut<T>(all: readonly T[], places: readonly number[]): T[][] {
  const edges = [...new Set([0, ...places.map((place) => place % (all.length + 1)), all.length])].sort((a, b) => a - b);
  return edges.slice(1).map((end, index) => all.slice(edges[index], end));
}
