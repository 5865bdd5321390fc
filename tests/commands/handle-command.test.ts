import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CommandCall } from '../../src/commands/command-call.ts';
import { RevisionMismatch } from '../../src/commands/handle-command.ts';
import { deleteTask, restoreTask } from '../../src/commands/task/delete-task.ts';
import { editTask } from '../../src/commands/task/edit-task.ts';
import { transferTask } from '../../src/commands/task/share-task.ts';
import { transitionTask } from '../../src/commands/task/transition-task.ts';
import { createTasks, type Tasks } from '../../src/commands/tasks.ts';
import { KeyUnreadable } from '../../src/events/keys/key-vault.ts';
import type { Append, EventStore } from '../../src/events/store/event-store.ts';
import { StoreUnavailable } from '../../src/events/store/event-store.ts';
import { call, type Instance, openWriteSide } from '../support/command-parts.ts';
import { editor, stranger } from '../support/happenings.ts';

let side: Awaited<ReturnType<typeof openWriteSide>>;
let here: Instance;
let there: Instance;
let tasks: Tasks;
let elsewhere: Tasks;

beforeAll(async () => {
  side = await openWriteSide();
  here = await side.instance();
  there = await side.instance();
  tasks = createTasks(here.parts);
  elsewhere = createTasks(there.parts);
});
afterAll(() => side.close());

const newTask = {
  title: 'Water the plants',
  description: '',
  priority: 'medium',
  status: 'todo',
  dueDate: null,
  tags: [],
  assignee: null,
} as const;
const aTask = async (by?: string) => (await tasks.create({ ...newTask, tags: [] }, call({}, by))).task.id;
const withKey = (key: string, body: unknown = {}, target = 'post /tasks'): Partial<CommandCall> => ({ idempotency: { key, target, body } });
const length = async (taskId: string) => (await here.store.readStream(`task-${taskId}`)).length;
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a command', () => {
  test('answers the task as it left it, and where its stream stands', async () => {
    const created = await tasks.create({ ...newTask, tags: ['a'] }, call());
    expect(created).toMatchObject({ task: { title: 'Water the plants', tags: ['a'] }, revision: 0, replayed: false });
    const moved = await tasks.execute(created.task.id, transitionTask, { targetStatus: 'blocked' }, call());
    expect(moved).toMatchObject({ task: { status: 'blocked' }, revision: 1 });
    expect(moved.position).toBeGreaterThan(created.position);
  });

  test('that finds nothing to do appends nothing and answers the revision there is', async () => {
    const id = await aTask();
    expect(await tasks.execute(id, editTask, { title: newTask.title }, call())).toMatchObject({ revision: 0, events: [] });
    expect(await tasks.execute(id, restoreTask, {}, call())).toMatchObject({ revision: 0, events: [] });
    expect(await length(id)).toBe(1);
  });

  test('on a task whose key no longer opens is refused as that, also where the task is still known here', async () => {
    const id = await aTask();
    const flip = () =>
      here.pool.query('update event_log.data_keys set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where subject = $1', [
        `task-${id}`,
      ]);
    await flip();
    await here.parts.vault.letGo(null);
    await expect(tasks.execute(id, editTask, { title: 'Another' }, call())).rejects.toThrow(KeyUnreadable);
    await expect(elsewhere.execute(id, editTask, { title: 'Another' }, call())).rejects.toThrow(KeyUnreadable);
    expect(await length(id)).toBe(1);
    await flip();
    expect(await tasks.execute(id, editTask, { title: 'Another' }, call())).toMatchObject({ revision: 1 });
  });

  test('of many writers at once on two instances: every one is decided on what the others left', async () => {
    const id = await aTask();
    const edits = Array.from({ length: 50 }, (_, n) => (n % 2 ? tasks : elsewhere).execute(id, editTask, { title: `Title ${n}` }, call()));
    const outcomes = await Promise.allSettled(edits);
    const done = outcomes.filter(({ status }) => status === 'fulfilled');
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toEqual(code('WRITE_CONTENTION'));
    expect(await length(id)).toBe(1 + done.length);
    expect(done.length).toBeGreaterThan(25);
    expect(here.lostRaces() + there.lostRaces()).toBeGreaterThan(0);
  });

  test('refused or without effect is answered on the stream as it is now, not as this instance last knew it', async () => {
    const id = await aTask();
    await elsewhere.execute(id, transitionTask, { targetStatus: 'cancelled' }, call());
    // Here the task still seems to be todo already: another instance knows better.
    expect(await tasks.execute(id, transitionTask, { targetStatus: 'todo' }, call())).toMatchObject({
      revision: 2,
      task: { status: 'todo' },
    });
    await elsewhere.execute(id, transitionTask, { targetStatus: 'in_progress' }, call());
    expect(await tasks.execute(id, transitionTask, { targetStatus: 'in_review' }, call())).toMatchObject({ revision: 4 });
    expect((await elsewhere.read(id, { id: stranger, isAdmin: true })).revision).toBe(4);
  });
});

test('a command is refused while the clock of its instance is ahead', async () => {
  const ahead = createTasks({ ...here.parts, isClockAhead: () => true });
  await expect(ahead.create({ ...newTask, tags: [] }, call())).rejects.toEqual(code('DEPENDENCY_UNAVAILABLE'));
});

describe('If-Match', () => {
  test('lets the write through that saw the last revision, and refuses others with what happened in between', async () => {
    const id = await aTask();
    await tasks.execute(id, editTask, { title: 'Second' }, call({ ifMatch: 0 }));
    await elsewhere.execute(id, transitionTask, { targetStatus: 'blocked' }, call({ ifMatch: 'any' }));
    const refused = await tasks.execute(id, editTask, { title: 'Third' }, call({ ifMatch: 0 })).catch((error) => error);
    expect(refused).toBeInstanceOf(RevisionMismatch);
    expect(refused.revision).toBe(2);
    expect(refused.events.map(({ type }: { type: string }) => type)).toEqual(['TaskEdited', 'TaskTransitioned']);
    await expect(tasks.execute(id, editTask, { title: 'Third' }, call({ ifMatch: 'none' }))).rejects.toEqual(code('REVISION_MISMATCH'));
    await expect(tasks.execute(id, editTask, { title: 'Third' }, call({ ifMatch: 7 }))).rejects.toEqual(code('REVISION_MISMATCH'));
    expect(await length(id)).toBe(3);
  });

  test('is looked at after authorisation: a stranger learns nothing', async () => {
    const id = await aTask();
    await expect(tasks.execute(id, editTask, { title: 'x' }, call({ ifMatch: 7 }, stranger))).rejects.toEqual(code('TASK_NOT_FOUND'));
  });
});

describe('an idempotency key', () => {
  test('makes a creation happen once, one after another and at once, here and elsewhere', async () => {
    const key = withKey('create-once', newTask);
    const first = await tasks.create({ ...newTask, tags: [] }, call(key));
    const again = await Promise.all(
      [tasks, elsewhere, tasks, elsewhere].map((instance) => instance.create({ ...newTask, tags: [] }, call(key))),
    );
    for (const outcome of again)
      expect(outcome).toMatchObject({ task: { id: first.task.id }, revision: 0, position: first.position, replayed: true });
    expect(await length(first.task.id)).toBe(1);
    const at_once = withKey('create-at-once', newTask);
    const racing = await Promise.all(
      [tasks, elsewhere, tasks, elsewhere].map((instance) => instance.create({ ...newTask, tags: [] }, call(at_once))),
    );
    expect(new Set(racing.map(({ task }) => task.id)).size).toBe(1);
    expect(racing.filter(({ replayed }) => !replayed)).toHaveLength(1);
  });

  test('answers the first outcome although the task has moved on, before If-Match and the state are looked at', async () => {
    const id = await aTask();
    const key = withKey('move', { target_status: 'done' }, `post /tasks/${id}/transition`);
    const first = await tasks.execute(id, transitionTask, { targetStatus: 'done' }, call({ ...key, ifMatch: 0 }));
    await tasks.execute(id, transitionTask, { targetStatus: 'todo' }, call());
    const again = await elsewhere.execute(id, transitionTask, { targetStatus: 'done' }, call({ ...key, ifMatch: 0 }));
    expect(again).toMatchObject({ revision: 1, position: first.position, replayed: true, task: { status: 'done' } });
    expect(again.events.map(({ type }) => type)).toEqual(['TaskTransitioned']);
    expect(await length(id)).toBe(3);
  });

  test('of a deletion answers its first outcome, also when the task was restored since', async () => {
    const id = await aTask();
    const key = withKey('gone', undefined, `delete /tasks/${id}`);
    await tasks.execute(id, deleteTask, { reason: 'command' }, call(key));
    expect(await tasks.execute(id, deleteTask, { reason: 'command' }, call(key))).toMatchObject({ revision: 1, replayed: true });
    await expect(tasks.execute(id, deleteTask, { reason: 'command' }, call())).rejects.toEqual(code('TASK_NOT_FOUND'));
    await tasks.execute(id, restoreTask, {}, call());
    expect(await tasks.execute(id, deleteTask, { reason: 'command' }, call(key))).toMatchObject({ revision: 1, replayed: true });
    expect((await tasks.read(id, { id: stranger, isAdmin: true })).task.deletedAt).toBeNull();
  });

  test('with another body is refused; of another person or on another path it is another key', async () => {
    const id = await aTask();
    await tasks.execute(id, editTask, { title: 'One' }, call(withKey('k', { title: 'One' }, `patch /tasks/${id}`)));
    await expect(tasks.execute(id, editTask, { title: 'Two' }, call(withKey('k', { title: 'Two' }, `patch /tasks/${id}`)))).rejects.toEqual(
      code('IDEMPOTENCY_KEY_REUSED'),
    );
    expect(await tasks.execute(id, editTask, { title: 'Two' }, call(withKey('k', { title: 'Two' }, `put /tasks/${id}`)))).toMatchObject({
      replayed: false,
    });
    const mine = await tasks.create({ ...newTask, tags: [] }, call(withKey('same')));
    const theirs = await tasks.create({ ...newTask, tags: [] }, call(withKey('same'), editor));
    expect(mine.task.id).not.toBe(theirs.task.id);
  });

  test('of a creation is recognised by the first event, however many commands came after it', async () => {
    const key = withKey('long-ago', newTask);
    const first = await tasks.create({ ...newTask, tags: [] }, call(key));
    const { id } = first.task;
    for (let n = 0; n < 501; n++) {
      await tasks.execute(id, transitionTask, { targetStatus: 'done' }, call(withKey(`done-${n}`)));
      await tasks.execute(id, transitionTask, { targetStatus: 'todo' }, call(withKey(`todo-${n}`)));
    }
    const again = await elsewhere.create({ ...newTask, tags: [] }, call(key));
    expect(again).toMatchObject({ revision: 0, task: first.task, replayed: true });
    const other = withKey('long-ago', { ...newTask, title: 'Other' });
    await expect(tasks.create({ ...newTask, tags: [] }, call(other))).rejects.toEqual(code('IDEMPOTENCY_KEY_REUSED'));
    await tasks.execute(id, transferTask, { newOwner: { id: editor, isActive: true }, keep: null }, call());
    for (const late of [key, other]) {
      await expect(tasks.create({ ...newTask, tags: [] }, call(late))).rejects.toEqual(code('TASK_NOT_FOUND'));
    }
  }, 30_000);

  test('of a creation is looked up before its assignee', async () => {
    const key = withKey('assigned', newTask);
    const input = { ...newTask, tags: [], assignee: { id: editor, isActive: true } };
    const first = await tasks.create(input, call(key));
    const again = await elsewhere.create({ ...input, assignee: { id: editor, isActive: false } }, call(key));
    expect(again).toMatchObject({ task: first.task, replayed: true });
  });

  test('of a command that appended nothing is decided anew', async () => {
    const id = await aTask();
    const key = withKey('noop', { title: newTask.title }, `patch /tasks/${id}`);
    expect(await tasks.execute(id, editTask, { title: newTask.title }, call(key))).toMatchObject({ replayed: false, events: [] });
    await tasks.execute(id, editTask, { title: 'Other' }, call());
    expect(await tasks.execute(id, editTask, { title: newTask.title }, call(key))).toMatchObject({ replayed: false, revision: 2 });
  });

  test('of a call on many covers each task on its own: a call cut off half-way is completed by its repetition', async () => {
    const ids = await Promise.all([aTask(), aTask(), aTask()]);
    const key = withKey('bulk', { task_ids: ids }, 'post /tasks/bulk-status');
    await tasks.executeAll(ids.slice(0, 2), transitionTask, { targetStatus: 'done' }, call(key));
    const all = await tasks.executeAll(ids, transitionTask, { targetStatus: 'done' }, call(key));
    expect(all.map((result) => 'outcome' in result && result.outcome.replayed)).toEqual([true, true, false]);
    for (const id of ids) expect(await length(id)).toBe(2);
  });
});

describe('an append whose answer is lost', () => {
  /** A store that writes, and then says that it does not know. */
  function losing(store: EventStore, when: (append: Append) => boolean): EventStore {
    return {
      ...store,
      async append(append) {
        const result = await store.append(append);
        if (when(append)) throw new StoreUnavailable('unknown');
        return result;
      },
    };
  }

  test('is looked up in the stream: the caller gets its outcome, and it stands there once', async () => {
    const id = await aTask();
    const cut = createTasks({ ...here.parts, store: losing(here.store, () => true) });
    const outcome = await cut.execute(id, transitionTask, { targetStatus: 'done' }, call());
    expect(outcome).toMatchObject({ revision: 1, task: { status: 'done' }, replayed: false });
    expect(outcome.events).toHaveLength(1);
    expect(await length(id)).toBe(2);
  });

  test('and that was not written is told to be so', async () => {
    const id = await aTask();
    const down: EventStore = { ...here.store, append: () => Promise.reject(new StoreUnavailable('unknown')) };
    await expect(
      createTasks({ ...here.parts, store: down }).execute(id, transitionTask, { targetStatus: 'done' }, call()),
    ).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await length(id)).toBe(1);
  });
});
