import { describe, test } from '@jest/globals';
import { assignTask } from '../../../src/commands/task/assign-task.ts';
import { createTask } from '../../../src/commands/task/create-task.ts';
import { deleteTask, forceDeleteTask, restoreTask } from '../../../src/commands/task/delete-task.ts';
import { editTask } from '../../../src/commands/task/edit-task.ts';
import { addTags, removeTag } from '../../../src/commands/task/tag-task.ts';
import { transitionTask } from '../../../src/commands/task/transition-task.ts';
import { workflow } from '../../../src/events/task/workflow.ts';
import { statuses } from '../../../src/events/values.ts';
import {
  admin,
  assigned,
  at,
  commented,
  created,
  deleted,
  edited,
  editor,
  owner,
  restored,
  shared,
  stranger,
  tagged,
  transitioned,
  viewer,
} from '../../support/happenings.ts';
import { given } from './given.ts';

const active = (id: string) => ({ id, isActive: true });
const unknown = (id: string) => ({ id, isActive: false });

const newTask = {
  title: 'Water the plants',
  description: '',
  priority: 'medium',
  status: 'todo',
  dueDate: null,
  tags: [],
  assignee: null,
} as const;

describe('create', () => {
  test('makes a task that its maker owns', () => {
    given()
      .when(createTask, { ...newTask, tags: [] })
      .then(created());
  });
  test('in status done is completed at once', () => {
    given()
      .when(createTask, { ...newTask, status: 'done', tags: ['home'] })
      .then(created({ status: 'done', completed_at: at(0), tags: ['home'] }));
  });
  test('with an assignee needs an active account', () => {
    given()
      .when(createTask, { ...newTask, tags: [], assignee: active(editor) })
      .then(created({ assignee_id: editor }));
    given()
      .when(createTask, { ...newTask, tags: [], assignee: unknown(stranger) })
      .thenRejected('USER_NOT_FOUND');
  });
});

describe('transition', () => {
  for (const from of statuses) {
    for (const to of statuses) {
      const command = given(created({ status: from })).when(transitionTask, { targetStatus: to });
      if (from === to) test(`${from} to itself: nothing happens`, () => command.thenNothing());
      else if (workflow[from].includes(to))
        test(`${from} to ${to}`, () => command.then(transitioned(from, to, { to: to === 'done' ? at(1) : null })));
      else test(`${from} to ${to} is refused`, () => command.thenRejected('INVALID_TRANSITION', { from, to, allowed: workflow[from] }));
    }
  }
  test('out of done takes the completion back', () => {
    given(created(), transitioned('todo', 'done', { to: at(1) }))
      .when(transitionTask, { targetStatus: 'todo' })
      .then(transitioned('done', 'todo', { from: at(1) }));
  });
  test('keeps its comment', () => {
    given(created())
      .when(transitionTask, { targetStatus: 'done', comment: 'At last' })
      .then({
        type: 'TaskTransitioned',
        data: { status: { from: 'todo', to: 'done' }, completed_at: { from: null, to: at(1) }, comment: 'At last' },
      });
  });
});

describe('edit', () => {
  test('tells what changed, from what to what', () => {
    given(created())
      .when(editTask, { title: 'Feed the cat', priority: 'high' })
      .then(edited({ title: { from: 'Water the plants', to: 'Feed the cat' }, priority: { from: 'medium', to: 'high' } }));
  });
  test('with nothing, or what is so already: nothing happens', () => {
    given(created({ tags: ['a'] }))
      .when(editTask, {})
      .thenNothing();
    given(created({ tags: ['a'] }))
      .when(editTask, { title: 'Water the plants', dueDate: null, tags: ['a'], status: 'todo', assignee: null })
      .thenNothing();
  });
  test('of fields, tags, status and assignee is one append of several events', () => {
    given(created())
      .when(editTask, { dueDate: '2026-02-01', tags: ['x'], status: 'in_progress', assignee: active(editor) })
      .then(
        edited({ due_date: { from: null, to: '2026-02-01' } }),
        tagged([], ['x']),
        transitioned('todo', 'in_progress'),
        assigned(editor),
      );
  });
  test('is refused whole when one part is', () => {
    given(created({ status: 'cancelled' }))
      .when(editTask, { title: 'New', status: 'done' })
      .thenRejected('INVALID_TRANSITION');
  });
  test('completed: true is a move to done, false from done to todo, false elsewhere nothing', () => {
    given(created())
      .when(editTask, { completed: true })
      .then(transitioned('todo', 'done', { to: at(1) }));
    given(created({ status: 'done', completed_at: at(0) }))
      .when(editTask, { completed: false })
      .then(transitioned('done', 'todo', { from: at(0) }));
    given(created({ status: 'blocked' }))
      .when(editTask, { completed: false })
      .thenNothing();
    given(created({ status: 'blocked' }))
      .when(editTask, { completed: true })
      .thenRejected('INVALID_TRANSITION');
  });
});

describe('who may edit', () => {
  const task = [created({ assignee_id: null }), shared(editor, 'edit'), shared(viewer, 'view')];
  test('owner, editors, assignee and admins', () => {
    for (const somebody of [owner, editor, admin])
      given(...task)
        .when(transitionTask, { targetStatus: 'blocked' })
        .by(somebody)
        .then(transitioned('todo', 'blocked'));
    given(...task, assigned(viewer))
      .when(transitionTask, { targetStatus: 'blocked' })
      .by(viewer)
      .then(transitioned('todo', 'blocked'));
  });
  test('a viewer sees it and may not; to a stranger it is absent', () => {
    given(...task)
      .when(transitionTask, { targetStatus: 'blocked' })
      .by(viewer)
      .thenRejected('FORBIDDEN', { needed: 'edit', have: 'view' });
    given(...task)
      .when(transitionTask, { targetStatus: 'blocked' })
      .by(stranger)
      .thenRejected('TASK_NOT_FOUND');
    given().when(transitionTask, { targetStatus: 'blocked' }).by(stranger).thenRejected('TASK_NOT_FOUND');
  });
});

describe('assign', () => {
  const task = [created(), shared(editor, 'edit'), shared(viewer, 'view')];
  test('the owner assigns anyone active', () => {
    given(...task)
      .when(assignTask, { assignee: active(stranger) })
      .then(assigned(stranger));
    given(...task)
      .when(assignTask, { assignee: unknown(stranger) })
      .thenRejected('USER_NOT_FOUND');
  });
  test('to whom it is assigned already: nothing happens', () => {
    given(...task, assigned(viewer))
      .when(assignTask, { assignee: active(viewer) })
      .thenNothing();
    given(...task)
      .when(assignTask, { assignee: null })
      .thenNothing();
  });
});

describe('tags', () => {
  test('are added to those that are there, sorted', () => {
    given(created({ tags: ['b'] }))
      .when(addTags, { tags: ['c', 'a', 'b'] })
      .then(tagged(['b'], ['a', 'b', 'c']));
    given(created({ tags: ['b'] }))
      .when(addTags, { tags: ['b'] })
      .thenNothing();
  });
  test('are twenty at most', () => {
    const twenty = Array.from({ length: 20 }, (_, n) => `t${n}`).sort();
    given(created({ tags: twenty }))
      .when(addTags, { tags: ['one-more'] })
      .thenRejected('VALIDATION_FAILED');
  });
  test('are removed one by one, when they are there', () => {
    given(created({ tags: ['a', 'b'] }))
      .when(removeTag, { tag: 'a' })
      .then(tagged(['a', 'b'], ['b']));
    given(created({ tags: ['b'] }))
      .when(removeTag, { tag: 'a' })
      .thenRejected('TAG_NOT_FOUND');
  });
});

describe('delete and restore', () => {
  const task = [
    created({ tags: ['a'], due_date: '2026-02-01' }),
    shared(editor, 'edit'),
    assigned(viewer),
    commented('00000000-0000-7000-8000-0000000000c1'),
  ];
  const last = { tags: ['a'], due_date: '2026-02-01', sharee_ids: [editor], assignee_id: viewer, comment_count: 1 };

  test('a deletion tells what the task was', () => {
    given(...task)
      .when(deleteTask, { reason: 'command' })
      .then(deleted(last));
  });
  test('only owner and admins delete; the assignee by force', () => {
    given(...task)
      .when(deleteTask, { reason: 'command' })
      .by(editor)
      .thenRejected('FORBIDDEN', { needed: 'owner', have: 'edit' });
    given(...task)
      .when(forceDeleteTask, {})
      .by(editor)
      .thenRejected('FORBIDDEN', { needed: 'owner', have: 'edit' });
    given(...task)
      .when(deleteTask, { reason: 'command' })
      .by(viewer)
      .thenRejected('FORBIDDEN');
    given(...task)
      .when(deleteTask, { reason: 'command' })
      .by(admin)
      .then(deleted(last));
    const forced = deleted(last);
    given(...task)
      .when(forceDeleteTask, {})
      .by(viewer)
      .then({ ...forced, data: { ...forced.data, forced: true } } as typeof forced);
  });
  test('a deleted task is absent for every command but its restoration', () => {
    for (const somebody of [owner, editor, viewer, stranger, admin]) {
      given(...task, deleted(last))
        .when(editTask, { title: 'x' })
        .by(somebody)
        .thenRejected('TASK_NOT_FOUND');
      given(...task, deleted(last))
        .when(deleteTask, { reason: 'command' })
        .by(somebody)
        .thenRejected('TASK_NOT_FOUND');
      given(...task, deleted(last))
        .when(forceDeleteTask, {})
        .by(somebody)
        .thenRejected('TASK_NOT_FOUND');
    }
  });
  test('owner and admins bring it back as it was; to others it stays absent', () => {
    given(...task, deleted(last))
      .when(restoreTask, {})
      .then(restored(last));
    given(...task, deleted(last))
      .when(restoreTask, {})
      .by(admin)
      .then(restored(last));
    for (const somebody of [editor, viewer, stranger])
      given(...task, deleted(last))
        .when(restoreTask, {})
        .by(somebody)
        .thenRejected('TASK_NOT_FOUND');
  });
  test('restoring what is not deleted: nothing happens', () => {
    given(...task)
      .when(restoreTask, {})
      .thenNothing();
    given(...task)
      .when(restoreTask, {})
      .by(editor)
      .thenRejected('FORBIDDEN');
  });
});
