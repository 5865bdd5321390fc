import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assignTask } from '../../../src/commands/task/assign-task.ts';
import { createTask } from '../../../src/commands/task/create-task.ts';
import { deleteTask, forceDeleteTask, restoreTask } from '../../../src/commands/task/delete-task.ts';
import { editTask } from '../../../src/commands/task/edit-task.ts';
import { forgetPerson } from '../../../src/commands/task/forget-person.ts';
import { changeShare, shareTask, transferTask, unshareTask } from '../../../src/commands/task/share-task.ts';
import type { TaskCommand } from '../../../src/commands/task/task-command.ts';
import { undoRun, undoTask } from '../../../src/commands/task/undo-task.ts';
import { allows, hasAccess, isLess, permissionOf } from '../../../src/events/task/permission.ts';
import { evolve, type Task } from '../../../src/events/task/task.ts';
import { admin, assigned, created, editor, owner, shared, stranger, unassigned, viewer } from '../../support/happenings.ts';
import { given } from './given.ts';
import { aStory, type Story } from './story.ts';

const someone = (id: string) => ({ id, isActive: true });
const to = (id: string | null) => ({ assignee: id === null ? null : someone(id) });
const everyone = [owner, editor, viewer, stranger, admin];
const active = new Set(everyone);
const task = [created(), shared(editor, 'edit'), shared(viewer, 'view')];
const otherEditor = stranger;

describe('an assignment', () => {
  test('gives access if an owner or admin makes it, and none if an editor does', () => {
    given(...task)
      .when(assignTask, to(stranger))
      .then(assigned(stranger));
    given(...task)
      .when(assignTask, to(stranger))
      .by(admin)
      .then(assigned(stranger));
    given(...task)
      .when(assignTask, to(editor))
      .by(editor)
      .then(assigned(editor, null, false));
    given(...task)
      .when(assignTask, to(owner))
      .by(editor)
      .then(assigned(owner, null, false));
    given(...task, shared(otherEditor, 'edit'))
      .when(editTask, to(otherEditor))
      .by(editor)
      .then(assigned(otherEditor, null, false));
  });

  test('of a user who may not edit is refused to an editor', () => {
    for (const id of [viewer, stranger])
      for (const command of [assignTask, editTask] as TaskCommand<object>[])
        given(...task)
          .when(command, to(id))
          .by(editor)
          .thenRejected('ASSIGNEE_HAS_NO_ACCESS');
  });

  test('that gives access does not make the assignee one whom an editor may assign', () => {
    given(...task, assigned(viewer), unassigned(viewer))
      .when(assignTask, to(viewer))
      .by(editor)
      .thenRejected('ASSIGNEE_HAS_NO_ACCESS');
  });

  test('is ended or replaced by an editor only where the assignee keeps access', () => {
    given(...task, assigned(viewer))
      .when(assignTask, to(null))
      .by(editor)
      .then(unassigned(viewer));
    given(...task, assigned(viewer))
      .when(assignTask, to(editor))
      .by(editor)
      .then(assigned(editor, viewer, false));
    for (const input of [to(null), to(editor), to(owner)])
      given(...task, assigned(stranger))
        .when(assignTask, input)
        .by(editor)
        .thenRejected('FORBIDDEN', { needed: 'owner', have: 'edit' });
    given(...task, assigned(stranger))
      .when(assignTask, to(null))
      .then(unassigned(stranger));
  });

  test('is given up by its assignee, also with VIEW alone, and also in an edit of nothing else', () => {
    const bare = [...task, assigned(viewer, null, false)];
    given(...bare)
      .when(assignTask, to(null))
      .by(viewer)
      .then(unassigned(viewer));
    given(...bare)
      .when(editTask, to(null))
      .by(viewer)
      .then(unassigned(viewer));
    given(...bare)
      .when(editTask, { ...to(null), title: 'Another' })
      .by(viewer)
      .thenRejected('FORBIDDEN');
    given(...bare)
      .when(assignTask, to(viewer))
      .by(viewer)
      .thenRejected('FORBIDDEN');
    given(...task)
      .when(assignTask, to(null))
      .by(viewer)
      .thenRejected('FORBIDDEN');
    given(created(), assigned(stranger)).when(assignTask, to(null)).by(stranger).then(unassigned(stranger));
  });

  test('begins to give access when an owner or admin assigns the present assignee, and not in an edit', () => {
    const bare = [...task, assigned(editor, null, false)];
    given(...bare)
      .when(assignTask, to(editor))
      .then(assigned(editor, editor, true));
    given(...bare)
      .when(assignTask, to(editor))
      .by(admin)
      .then(assigned(editor, editor, true));
    given(...bare)
      .when(editTask, to(editor))
      .thenNothing();
    given(...bare)
      .when(assignTask, to(editor))
      .by(editor)
      .thenNothing();
    given(...bare, assigned(editor, editor))
      .when(assignTask, to(editor))
      .thenNothing();
  });

  test('that gives no access does not count for force', () => {
    given(...task, assigned(editor, null, false))
      .when(forceDeleteTask, {})
      .by(editor)
      .thenRejected('FORBIDDEN');
  });
});

/** A task that is shared with the editor, who assigns themselves. */
function aBareAssignment(): Story {
  const story = aStory();
  story.tell(createTask, { title: 'A', description: '', priority: 'low', status: 'todo', dueDate: null, tags: [], assignee: null });
  story.tell(shareTask, { person: someone(editor), permission: 'edit' });
  story.tell(assignTask, to(editor), editor);
  return story;
}

describe('an assignment that gives no access ends with the last other access', () => {
  test.each([
    ['by the owner', owner],
    ['by the assignee', editor],
  ])('when the share is taken away %s, in one append and one undo', (_, by) => {
    const story = aBareAssignment();
    expect(story.tell(unshareTask, { userId: editor }, by).map(({ type }) => type)).toEqual(['TaskUnshared', 'TaskUnassigned']);
    const back = story.tell(undoTask, { active, revision: 3 });
    expect(back.map(({ type }) => type)).toEqual(['TaskShared', 'TaskAssigned']);
    expect(story.task()).toMatchObject({ assigneeId: editor, assignmentGivesAccess: false });
  });

  test('when the owner transfers the task and keeps nothing, which no undo takes back', () => {
    const story = aBareAssignment();
    story.tell(assignTask, to(owner), editor);
    expect(story.tell(transferTask, { newOwner: someone(viewer), keep: null }).map(({ type }) => type)).toEqual([
      'TaskTransferred',
      'TaskUnassigned',
    ]);
    expect(story.refusal(undoTask, { active, revision: 4 }, viewer)?.code).toBe('NOTHING_TO_UNDO');
  });

  test('when the share that an undo takes back was all there was', () => {
    const story = aBareAssignment();
    expect(story.tell(undoTask, { active, revision: 1 }).map(({ type }) => type)).toEqual(['TaskUnshared', 'TaskUnassigned']);
  });

  test('and stays where a share is lowered or another access is there', () => {
    const story = aBareAssignment();
    story.tell(changeShare, { userId: editor, permission: 'view' });
    expect(story.task().assigneeId).toBe(editor);
    story.tell(assignTask, to(editor));
    story.tell(unshareTask, { userId: editor });
    expect(permissionOf(story.task(), { id: editor, isAdmin: false })).toBe('edit');
  });
});

describe('an undo', () => {
  test('restores an assignment with the access that it gave if an owner performs it', () => {
    const story = aStory();
    story.tell(createTask, {
      title: 'A',
      description: '',
      priority: 'low',
      status: 'todo',
      dueDate: null,
      tags: [],
      assignee: someone(editor),
    });
    story.tell(assignTask, to(null));
    story.tell(undoTask, { active });
    expect(story.task()).toMatchObject({ assigneeId: editor, assignmentGivesAccess: true });
  });

  test('restores it without access if an editor performs it', () => {
    const story = aBareAssignment();
    story.tell(assignTask, to(editor));
    story.tell(assignTask, to(null), editor);
    story.tell(undoTask, { active }, editor);
    expect(story.task()).toMatchObject({ assigneeId: editor, assignmentGivesAccess: false });
  });

  test('restores it without access if it gave none, also by an owner, and is done again likewise', () => {
    const story = aBareAssignment();
    story.tell(assignTask, to(null));
    story.tell(undoTask, { active });
    expect(story.task()).toMatchObject({ assigneeId: editor, assignmentGivesAccess: false });
    story.tell(assignTask, to(editor));
    story.tell(undoTask, { active });
    expect(story.task()).toMatchObject({ assigneeId: editor, assignmentGivesAccess: false });
    story.tell(undoTask, { active, revision: 6 });
    expect(story.task()).toMatchObject({ assigneeId: editor, assignmentGivesAccess: true });
  });

  test('does not restore one whose assignee would have no access by it', () => {
    const story = aBareAssignment();
    story.tell(assignTask, to(viewer));
    story.tell(unshareTask, { userId: editor });
    expect(story.refusal(undoTask, { active, revision: 3 })?.code).toBe('ASSIGNEE_HAS_NO_ACCESS');
  });
});

describe('whatever users do, in any order', () => {
  const person = fc.constantFrom(...everyone);
  const permission = fc.constantFrom('view' as const, 'edit' as const);
  const assignee = fc.option(person, { nil: null }).map(to);
  const deed = fc.oneof(
    { weight: 4, arbitrary: assignee.map((input) => [assignTask, input]) },
    { weight: 2, arbitrary: assignee.map((input) => [editTask, input]) },
    { weight: 3, arbitrary: fc.record({ person: person.map(someone), permission }).map((input) => [shareTask, input]) },
    { weight: 2, arbitrary: fc.record({ userId: person, permission }).map((input) => [changeShare, input]) },
    { weight: 3, arbitrary: person.map((userId) => [unshareTask, { userId }]) },
    fc.record({ newOwner: person.map(someone), keep: fc.option(permission, { nil: null }) }).map((input) => [transferTask, input]),
    {
      weight: 4,
      arbitrary: fc.option(fc.nat(20), { nil: undefined }).map((revision) => [undoTask, { active, ...(revision && { revision }) }]),
    },
    fc.record({ actorId: person }).map((run) => [undoRun, { active, run }]),
    fc.constantFrom([deleteTask, { reason: 'command' }], [forceDeleteTask, {}], [restoreTask, {}], [restoreTask, {}]),
  ) as fc.Arbitrary<[TaskCommand<unknown>, unknown]>;
  const permissions = (now: Task) => everyone.map((id) => permissionOf(now, { id, isAdmin: false }));

  test('no permission grows but by an event of an owner or admin, and no assignee is without access', () => {
    const heirs = fc.tuple(person, fc.option(person, { nil: null }));
    fc.assert(
      fc.property(fc.array(fc.tuple(deed, person), { maxLength: 30 }), heirs, (deeds, [personId, heirId]) => {
        const story = aStory();
        story.tell(createTask, { title: 'A', description: '', priority: 'low', status: 'todo', dueDate: null, tags: [], assignee: null });
        story.tell(shareTask, { person: someone(editor), permission: 'edit' });
        let [now, seen] = [story.task(), story.history().length];
        const erasure: [TaskCommand<unknown>, unknown] = [forgetPerson, { personId, heirId: heirId === personId ? null : heirId }];
        for (const [[command, input], by] of [...deeds, [erasure, personId] as const]) {
          story.refusal(command, input, by);
          const isOwner = by === admin || allows(permissionOf(now, { id: by, isAdmin: false }), 'owner');
          for (const event of story.history().slice(seen)) {
            const next = evolve(now, { ...event, taskId: now.id, at: event.metadata.occurred_at, by })!;
            const before = permissions(now);
            const grown = everyone.filter((_, index) => isLess(before[index]!, permissions(next)[index]!));
            if (!isOwner) expect(grown).toEqual([]);
            now = next;
          }
          seen = story.history().length;
          if (now.assigneeId !== null) expect(hasAccess(now, now.assigneeId)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
