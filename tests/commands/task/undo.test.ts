import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assignTask } from '../../../src/commands/task/assign-task.ts';
import { addComment } from '../../../src/commands/task/comment-on-task.ts';
import { type CreateTask, createTask } from '../../../src/commands/task/create-task.ts';
import { deleteTask, restoreTask } from '../../../src/commands/task/delete-task.ts';
import { editTask } from '../../../src/commands/task/edit-task.ts';
import { changeShare, shareTask, transferTask, unshareTask } from '../../../src/commands/task/share-task.ts';
import { addTags, removeTag } from '../../../src/commands/task/tag-task.ts';
import type { TaskCommand } from '../../../src/commands/task/task-command.ts';
import { transitionTask } from '../../../src/commands/task/transition-task.ts';
import { peopleGivenBack, type UndoConflict, undoRun, undoTask } from '../../../src/commands/task/undo-task.ts';
import type { Task } from '../../../src/events/task/task.ts';
import { taskEvents } from '../../../src/events/task/task-events.ts';
import { priorities, statuses } from '../../../src/events/values.ts';
import { admin, at, editor, owner, stranger, viewer } from '../../support/happenings.ts';
import { aStory, type Story } from './story.ts';

const someone = (id: string) => ({ id, isActive: true });
const everybody = new Set([owner, editor, viewer, stranger, admin]);
const undo = { active: everybody };
const undoOf = (revision: number) => ({ active: everybody, revision });
const newTask: CreateTask = {
  title: 'Water the plants',
  description: 'All of them',
  priority: 'medium',
  status: 'todo',
  dueDate: null,
  tags: ['home'],
  assignee: null,
};

/** A task that the editor may edit and the viewer see. */
function aSharedTask(more: Partial<CreateTask> = {}): Story {
  const story = aStory();
  story.tell(createTask, { ...newTask, ...more });
  story.tell(shareTask, { person: someone(editor), permission: 'edit' });
  story.tell(shareTask, { person: someone(viewer), permission: 'view' });
  return story;
}

describe('undo', () => {
  test('takes back the caller’s own last change, and says what that was', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'By the editor' }, editor);
    story.tell(editTask, { priority: 'urgent' });
    const [event] = story.tell(undoTask, undo, editor);
    expect(event).toMatchObject({ type: 'TaskEdited', data: { changes: { title: { from: 'By the editor', to: 'Water the plants' } } } });
    expect(event!.metadata.undo_of).toEqual([3]);
    expect(story.task()).toMatchObject({ title: 'Water the plants', priority: 'urgent' });
  });

  test('takes back all that one command did', () => {
    const story = aSharedTask();
    const before = story.task();
    story.tell(editTask, { title: 'Another', tags: [], status: 'done', dueDate: '2030-01-31', assignee: someone(stranger) });
    const events = story.tell(undoTask, undo);
    expect(events.map(({ type, metadata }) => [type, metadata.undo_of])).toEqual(
      ['TaskEdited', 'TaskTagsChanged', 'TaskTransitioned', 'TaskUnassigned'].map((type) => [type, [3, 4, 5, 6]]),
    );
    expect(facts(story.task())).toEqual(facts(before));
    for (const { type, data } of events) taskEvents[type].data.parse(data);
  });

  test('goes back where the workflow does not, with the time of completion that was', () => {
    const story = aSharedTask({ status: 'done' });
    const { completedAt } = story.task();
    story.tell(transitionTask, { targetStatus: 'todo' });
    story.tell(transitionTask, { targetStatus: 'cancelled' });
    story.tell(undoTask, undo);
    story.tell(undoTask, undo);
    expect(story.task()).toMatchObject({ status: 'done', completedAt });
  });

  test('again goes one further back, until nothing is left', () => {
    const story = aSharedTask();
    for (const title of ['Two', 'Three']) story.tell(editTask, { title }, editor);
    expect(story.tell(undoTask, undo, editor)[0]!.metadata.undo_of).toEqual([4]);
    expect(story.tell(undoTask, undo, editor)[0]!.metadata.undo_of).toEqual([3]);
    expect(story.refusal(undoTask, undo, editor)?.code).toBe('NOTHING_TO_UNDO');
  });

  test('of an undo does it again, and then it can be undone again', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two' });
    story.tell(undoTask, undo);
    story.tell(undoTask, undoOf(4));
    expect(story.task().title).toBe('Two');
    expect(story.refusal(undoTask, undoOf(4))?.code).toBe('NOTHING_TO_UNDO');
    expect(story.tell(undoTask, undo)[0]!.metadata.undo_of).toEqual([3]);
    expect(story.task().title).toBe('Water the plants');
  });

  test('is refused where somebody has changed the same since, and names that', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two', status: 'in_progress' }, editor);
    story.tell(editTask, { priority: 'high' });
    story.tell(editTask, { title: 'Three' });
    const conflict = story.refusal(undoTask, undo, editor) as UndoConflict;
    expect(conflict.code).toBe('UNDO_CONFLICT');
    expect(conflict.events.map(({ revision }) => revision)).toEqual([6]);
    story.tell(undoTask, undoOf(6));
    story.tell(undoTask, undo, editor);
    expect(story.task()).toMatchObject({ title: 'Water the plants', status: 'todo', priority: 'high' });
  });

  test('of an undo is refused where a further undo has gone behind it', () => {
    const story = aSharedTask();
    for (const title of ['Two', 'Three']) story.tell(editTask, { title });
    story.tell(undoTask, undo);
    story.tell(undoTask, undo);
    const conflict = story.refusal(undoTask, undoOf(5)) as UndoConflict;
    expect([conflict.code, conflict.events.map(({ revision }) => revision)]).toEqual(['UNDO_CONFLICT', [6]]);
  });

  test('is for who may edit; what others did, for the owner alone', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two' }, editor);
    story.tell(editTask, { priority: 'high' });
    expect(story.refusal(undoTask, undo, viewer)?.code).toBe('FORBIDDEN');
    expect(story.refusal(undoTask, undo, stranger)?.code).toBe('TASK_NOT_FOUND');
    expect(story.refusal(undoTask, undoOf(4), editor)).toMatchObject({ code: 'FORBIDDEN', details: [{ needed: 'owner', have: 'edit' }] });
    expect(story.refusal(undoTask, undoOf(3), admin)).toBeUndefined();
    story.tell(changeShare, { userId: editor, permission: 'view' });
    expect(story.refusal(undoTask, undoOf(5), editor)?.code).toBe('FORBIDDEN');
  });

  test('of shares is the owner’s, of an assignment whose the assignment is', () => {
    const story = aSharedTask();
    story.tell(shareTask, { person: someone(stranger), permission: 'view' }, admin);
    story.tell(assignTask, { assignee: someone(owner) }, editor);
    expect(story.refusal(undoTask, undoOf(3), editor)?.code).toBe('FORBIDDEN');
    expect(story.refusal(undoTask, undoOf(4))).toBeUndefined();
    story.tell(assignTask, { assignee: someone(editor) }, editor);
    expect(story.refusal(undoTask, undo, editor)).toBeUndefined();
    expect(story.task().assigneeId).toBeNull();
    story.tell(shareTask, { person: someone(admin), permission: 'view' });
    story.tell(transferTask, { newOwner: someone(editor), keep: 'edit' });
    expect(story.refusal(undoTask, undo)?.code).toBe('FORBIDDEN');
  });

  test('gives nothing back to who has no account any more', () => {
    const story = aSharedTask({ assignee: someone(stranger) });
    story.tell(unshareTask, { userId: viewer });
    story.tell(assignTask, { assignee: null });
    expect(peopleGivenBack(story.history())).toEqual([viewer, stranger]);
    const without = (id: string) => ({ active: new Set([...everybody].filter((other) => other !== id)) });
    expect(story.refusal(undoTask, without(stranger))?.code).toBe('USER_NOT_FOUND');
    expect(story.refusal(undoTask, { ...without(viewer), revision: 3 })?.code).toBe('USER_NOT_FOUND');
    expect(story.refusal(undoTask, undoOf(3))).toBeUndefined();
  });

  test('leaves creation, transfer, comments and deletion alone', () => {
    const story = aSharedTask();
    story.tell(addComment, { commentId: stranger, content: 'Well', named: [] }, editor);
    expect(story.refusal(undoTask, undo, editor)?.code).toBe('NOTHING_TO_UNDO');
    story.tell(deleteTask, { reason: 'command' });
    expect(story.refusal(undoTask, undo)?.code).toBe('TASK_NOT_FOUND');
    story.tell(restoreTask, {});
    story.tell(transferTask, { newOwner: someone(editor), keep: 'edit' });
    for (const revision of [0, 3, 4, 5, 6, 7]) expect(story.refusal(undoTask, undoOf(revision), editor)?.code).toBe('NOTHING_TO_UNDO');
    expect(story.refusal(undoTask, undoOf(8), editor)?.code).toBe('REVISION_NOT_FOUND');
    expect((story.refusal(undoTask, undoOf(1), editor) as UndoConflict).events.map(({ revision }) => revision)).toEqual([6, 7]);
  });

  test('of text that was erased finds nothing to bring back', () => {
    const story = aSharedTask();
    const [event] = story.tell(editTask, { title: 'Two', priority: 'high' });
    (event as { data: object }).data = { changes: { title: null, priority: { from: 'medium', to: 'high' } } };
    expect(story.refusal(undoTask, undo)?.code).toBe('NOTHING_TO_UNDO');
  });
});

describe('undo of a run', () => {
  const run = { ...undo, run: { requestId: 'run' } };
  const ofRun = { request_id: 'run' };

  test('takes back all that it did to the task, in one step, and its undo does it again', () => {
    const story = aSharedTask({ status: 'done' });
    const before = story.task();
    story.tell(editTask, { title: 'Two', completed: false }, owner, ofRun);
    story.tell(addComment, { commentId: stranger, content: 'Well', named: [] }, owner, ofRun);
    story.tell(editTask, { title: 'Three', completed: true }, owner, ofRun);
    story.tell(deleteTask, { reason: 'bulk' }, owner, ofRun);
    const after = story.task();
    const events = story.tell(undoRun, run, owner, { operation_id: 'back' });
    expect(events.map(({ type }) => type)).toEqual(['TaskRestored', 'TaskEdited', 'TaskTransitioned', 'TaskTransitioned']);
    expect(events[0]!.metadata.undo_of).toEqual([3, 4, 6, 7, 8]);
    const { comments, commentCount } = story.task();
    expect(facts(story.task())).toEqual({ ...facts(before), comments, commentCount });
    expect(story.refusal(undoRun, run)?.code).toBe('NOTHING_TO_UNDO');
    story.tell(undoRun, { ...undo, run: { operationId: 'back' } });
    expect(facts(story.task())).toEqual({ ...facts(after), deletedAt: story.task().deletedAt });
    expect(story.task().deletedAt).not.toBeNull();
  });

  test('is all of it or, where others have changed any of it since, nothing', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two', priority: 'low' }, owner, ofRun);
    story.tell(editTask, { title: 'Three' }, editor);
    story.tell(editTask, { title: 'Four' }, owner, ofRun);
    const conflict = story.refusal(undoRun, run) as UndoConflict;
    expect(conflict.events.map(({ revision }) => revision)).toEqual([4]);
    expect(story.task()).toMatchObject({ title: 'Four', priority: 'low' });
  });

  test('that undid what others did in between would do that again: it is in the way', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two' }, owner, ofRun);
    story.tell(editTask, { title: 'Three' }, editor);
    story.tell(undoTask, undoOf(4), owner, ofRun);
    const conflict = story.refusal(undoRun, run) as UndoConflict;
    expect([conflict.code, conflict.events.map(({ revision }) => revision)]).toEqual(['UNDO_CONFLICT', [4]]);
  });

  test('is for who may edit', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two' }, editor, ofRun);
    story.tell(changeShare, { userId: editor, permission: 'view' });
    expect(story.refusal(undoRun, run, editor)?.code).toBe('FORBIDDEN');
  });

  test('that took back itself what it did leaves nothing to take back', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two' }, owner, ofRun);
    story.tell(undoTask, undo, owner, ofRun);
    expect(story.refusal(undoRun, run)?.code).toBe('NOTHING_TO_UNDO');
  });

  test('on a task deleted by others since is absent, and so it is for who did not own it', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two' }, editor, ofRun);
    story.tell(deleteTask, { reason: 'command' });
    for (const somebody of [owner, editor, viewer, stranger]) expect(story.refusal(undoRun, run, somebody)?.code).toBe('TASK_NOT_FOUND');
    expect(story.refusal(undoRun, { ...undo, run: { requestId: 'none' } }, editor)?.code).toBe('TASK_NOT_FOUND');
  });

  test('goes by every mark that is given, and its times include their ends', () => {
    const story = aSharedTask();
    story.tell(editTask, { title: 'Two' }, editor, { token_id: 'token' });
    const none = [{ tokenId: 'other' }, { tokenId: 'token', by: owner }, { actorId: owner, from: at(4), to: at(9) }, { from: at(5) }];
    for (const marks of none) expect(story.refusal(undoRun, { ...undo, run: marks })?.code).toBe('NOTHING_TO_UNDO');
    expect(story.refusal(undoRun, { ...undo, run: { tokenId: 'token', actorId: editor, from: at(4), to: at(4) } })).toBeUndefined();
  });
});

describe('whatever has happened', () => {
  test('do, then undo, is as before; undo of the undo is as after', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 10 }), step, (earlier, last) => {
        const story = aSharedTask();
        for (const one of earlier) one(story);
        const before = story.task();
        if (!last(story)) return;
        const after = story.task();
        story.tell(undoTask, undo);
        expect(facts(story.task())).toEqual(facts(before));
        story.tell(undoTask, undoOf(story.history().length - 1));
        expect(facts(story.task())).toEqual(facts(after));
      }),
      { numRuns: 150 },
    );
  });

  test('undone again and again it walks back to the start, and as one run in one step', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 10 }), (steps) => {
        const [one, other] = [aSharedTask(), aSharedTask()];
        const before = one.task();
        for (const [next, redoes] of steps) {
          for (const story of [one, other]) {
            if (!next(story) || !redoes) continue;
            story.tell(undoTask, undo);
            story.tell(undoTask, undoOf(story.history().length - 1));
          }
        }
        for (let left = 40; one.refusal(undoTask, undo) === undefined; left--) expect(left).toBeGreaterThan(0);
        // The shares that the story begins with are the owner's doing too.
        expect(facts(one.task())).toEqual({ ...facts(before), shares: {} });
        other.refusal(undoRun, { ...undo, run: { from: at(4) } });
        expect(facts(other.task())).toEqual(facts(before));
      }),
      { numRuns: 100 },
    );
  });
});

/** Something that the owner may do. @returns whether anything came of it */
type Step = (story: Story) => boolean;

function asked<I>(command: TaskCommand<I>, input: I): Step {
  return (story) => {
    const before = story.history().length;
    story.refusal(command, input);
    return story.history().length > before;
  };
}

const person = fc.constantFrom(editor, viewer, stranger);
const permission = fc.constantFrom('view' as const, 'edit' as const);
const tag = fc.constantFrom('a', 'b', 'home');
const edit = fc.record(
  {
    title: fc.constantFrom('One', 'Two', 'Three'),
    description: fc.constantFrom('', 'More'),
    priority: fc.constantFrom(...priorities),
    dueDate: fc.constantFrom(null, '2030-01-31'),
    tags: fc.constantFrom<string[][]>([], ['a'], ['a', 'b']),
    status: fc.constantFrom(...statuses),
    assignee: fc.option(person.map(someone)),
  },
  { requiredKeys: [] },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  edit.map((input) => asked(editTask, input)),
  fc.constantFrom(...statuses).map((targetStatus) => asked(transitionTask, { targetStatus })),
  tag.map((one) => asked(addTags, { tags: [one] })),
  tag.map((one) => asked(removeTag, { tag: one })),
  fc.option(person).map((id) => asked(assignTask, { assignee: id === null ? null : someone(id) })),
  fc.tuple(person, permission).map(([id, may]) => asked(shareTask, { person: someone(id), permission: may })),
  fc.tuple(person, permission).map(([userId, may]) => asked(changeShare, { userId, permission: may })),
  person.map((userId) => asked(unshareTask, { userId })),
);

/** All of a task but when it was touched last, and when and by whom it was shared, which an undo tells as it is. */
function facts({ updatedAt: _, shares, ...task }: Task) {
  return { ...task, shares: Object.fromEntries([...shares].map(([id, share]) => [id, share.permission])) };
}
