import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { replay } from '../../src/api/replay.ts';
import { attachFile } from '../../src/commands/task/attach-file.ts';
import { addComment } from '../../src/commands/task/comment-on-task.ts';
import { editTask } from '../../src/commands/task/edit-task.ts';
import { shareTask } from '../../src/commands/task/share-task.ts';
import { createTasks } from '../../src/commands/tasks.ts';
import { verifyTask } from '../../src/commands/verify-task.ts';
import { decodeEvents, encodeEvents } from '../../src/events/codec.ts';
import type { RecordedTaskEvent } from '../../src/events/recorded-event.ts';
import { createTaskStates } from '../../src/notifications/task-states.ts';
import { call, type Instance, openWriteSide } from '../support/command-parts.ts';
import { commented, created, facts, type Happening, owner, shared } from '../support/happenings.ts';

let side: Awaited<ReturnType<typeof openWriteSide>>;
let writer: Instance;
beforeAll(async () => {
  side = await openWriteSide();
  writer = await side.instance();
});
afterAll(() => side.close());

const CHUNK = 1_000;
const reader = { id: owner, isAdmin: false };
const comment = () => ({ commentId: randomUUID(), content: 'One more', named: [] });

/** A task with this history, written as a service would have written it. */
async function written(happenings: readonly Happening[]): Promise<string> {
  const taskId = randomUUID();
  const stream = `task-${taskId}`;
  const { key, wrapped } = writer.parts.vault.create(stream);
  const author = await writer.parts.vault.ofPerson(`user-${owner}`);
  let previousHash = '';
  const all = facts(happenings, taskId);
  for (let from = 0; from < all.length; from += CHUNK) {
    const events = all.slice(from, from + CHUNK).map(({ at: _, by: __, taskId: ___, ...event }) => event);
    const context = {
      ...{ occurred_at: all[from]!.at, actor: { id: owner, kind: 'user' as const } },
      ...{ operation_id: randomUUID(), command_id: randomUUID(), request_id: 'long' },
    };
    const { encoded, recorded } = encodeEvents(events, { stream, revision: from, previousHash }, context, { task: key, author });
    previousHash = recorded.at(-1)!.metadata.hash;
    const expectedRevision = from === 0 ? ('no_stream' as const) : from - 1;
    await writer.store.append({ stream, expectedRevision, events: encoded, newKeys: from === 0 ? [wrapped] : [] });
  }
  return taskId;
}

const comments = (length: number) => Array.from({ length }, () => commented(randomUUID()));

/** How many turns the event loop had meanwhile. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let turn = setImmediate(function count() {
    turns++;
    turn = setImmediate(count);
  });
  await work().finally(() => clearImmediate(turn));
  return turns;
}

describe('a task with 20,000 comments', () => {
  const LENGTH = 20_000;
  let taskId: string;
  beforeAll(async () => {
    taskId = await written([created(), ...comments(LENGTH)]);
  }, 60_000);

  test('is read, replayed, verified, notified of and changed in turns of the event loop', async () => {
    const works: Record<string, (instance: Instance) => Promise<unknown>> = {
      'a first command': ({ parts }) => createTasks(parts).execute(taskId, editTask, { title: 'Another' }, call()),
      'its history': async ({ parts }) => {
        const { events } = await createTasks(parts).history(taskId, reader);
        expect(events.length).toBeGreaterThan(LENGTH);
      },
      'a replay': async ({ parts }) => {
        let counted = 0;
        for await (const page of replay(createTasks(parts), { taskId, from: 0, to: LENGTH })) counted = page.at(-1)!.task.commentCount;
        expect(counted).toBe(LENGTH);
      },
      'a verification': async ({ parts, store }) => {
        const verdict = await verifyTask({ ...createTasks(parts), ...store, knownTask: async () => null }, taskId, reader);
        expect(verdict.valid).toBe(true);
      },
      'a notification': async ({ parts, store }) => {
        const [last] = await decodeEvents(await store.readStream(`task-${taskId}`, { from: LENGTH, limit: 1 }), parts.vault);
        const task = await createTaskStates({ store, vault: parts.vault })(last as RecordedTaskEvent);
        expect(task?.commentCount).toBe(LENGTH);
      },
    };
    for (const [name, work] of Object.entries(works)) {
      const turns = await turnsDuring(async () => work(await side.instance()));
      expect([name, turns >= LENGTH / 1_000]).toEqual([name, true]);
    }
  }, 60_000);

  test('takes no further one, and loses none', async () => {
    const tasks = createTasks(writer.parts);
    const refused = tasks.execute(taskId, addComment, comment(), call());
    await expect(refused).rejects.toMatchObject({ code: 'LIMIT_REACHED', details: [{ limit: 10_000 }] });
    expect((await tasks.read(taskId, reader)).task.commentCount).toBe(LENGTH);
  }, 60_000);
});

describe('at its limit a task takes exactly one more', () => {
  const file = () => {
    const fileId = randomUUID();
    return { fileId, name: 'a.txt', size: 1, contentType: 'text/plain', sha256: '', blobKey: fileId };
  };
  const attached = (): Happening => {
    const data = { file_id: randomUUID(), name: 'a.txt', size: 1, content_type: 'text/plain', sha256: '', blob_key: 'b' };
    return { type: 'FileAttached', data };
  };

  test.each([
    [
      'comment',
      comments(9_999),
      (instance: Instance, id: string) => createTasks(instance.parts).execute(id, addComment, comment(), call()),
    ],
    [
      'file',
      Array.from({ length: 999 }, attached),
      (instance: Instance, id: string) => createTasks(instance.parts).execute(id, attachFile, file(), call()),
    ],
    [
      'share',
      Array.from({ length: 499 }, () => shared(randomUUID(), 'view')),
      (instance: Instance, id: string) =>
        createTasks(instance.parts).execute(id, shareTask, { person: { id: randomUUID(), isActive: true }, permission: 'view' }, call()),
    ],
  ])(
    '%s of several that two instances ask for at once',
    async (_, happenings, ask) => {
      const taskId = await written([created(), ...happenings]);
      const instances = [await side.instance(), await side.instance()];
      const asked = await Promise.allSettled([...instances, ...instances].map((instance) => ask(instance, taskId)));
      const refusals = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
      expect(refusals).toEqual(['LIMIT_REACHED', 'LIMIT_REACHED', 'LIMIT_REACHED']);
      const stored = await writer.store.readStream(`task-${taskId}`, { from: happenings.length + 1, limit: 10 });
      expect(stored).toHaveLength(1);
    },
    60_000,
  );
});
