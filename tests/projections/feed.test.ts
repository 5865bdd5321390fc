import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { evolve, type Task } from '../../src/events/task/task.ts';
import { feed } from '../../src/projections/feed/feed.ts';
import { everyTaskEvent, everyUserEvent } from '../events/every-event.ts';
import { created, deleted, edited, type Happening, owner, recorded, shared, taskId, transitioned, viewer } from '../support/happenings.ts';
import { type Bench, openBench, type Tables } from './project.ts';
import { randomHistory } from './random-history.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
jest.setTimeout(60_000);

/** given(what happened): the rows, the same when the events come one by one or twice. */
async function given(events: readonly RecordedEvent[]): Promise<Tables> {
  const rows = await bench.project(feed, events);
  expect(await bench.project(feed, ...events.flatMap((event) => [[event], [event]]))).toEqual(rows);
  expect(await bench.project(feed, events, events)).toEqual(rows);
  return rows;
}

describe('the feed', () => {
  test('has a row for every event, with the task as it left it', async () => {
    const { feed_events } = await given(
      recorded([created(), edited({ title: { from: 'Water the plants', to: 'x' } }), transitioned('todo', 'done')]),
    );
    expect(
      feed_events!.map(({ position, type, task_id, revision, title, status }) => [position, type, task_id, revision, title, status]),
    ).toEqual([
      [1, 'TaskCreated', taskId, 0, 'Water the plants', 'todo'],
      [2, 'TaskEdited', taskId, 1, 'x', 'todo'],
      [3, 'TaskTransitioned', taskId, 2, 'x', 'done'],
    ]);
  });

  test('takes every event there is', async () => {
    const ofTask = recorded(Object.values(everyTaskEvent));
    const ofUser = recorded(Object.values(everyUserEvent) as never[], { position: 1_000n }).map((event) => ({
      ...event,
      stream: `user-${owner}`,
    }));
    const { feed_events } = await given([...ofTask, ...ofUser]);
    expect(feed_events).toHaveLength(ofTask.length + ofUser.length);
    expect(feed_events!.filter(({ user_id }) => user_id === owner)).toHaveLength(ofUser.length);
  });

  test('forgets what a task was called that went with its owner’s account', async () => {
    const gone = deleted() as Extract<Happening, { type: 'TaskDeleted' }>;
    const events = recorded([created(), shared(viewer, 'view'), { ...gone, data: { ...gone.data, reason: 'erased' } }]);
    const { feed_events, feed_tasks, losses } = await given(events);
    expect(feed_events!.map(({ title }) => title)).toEqual([null, null, null]);
    expect(feed_tasks!.map(({ title }) => title)).toEqual([null]);
    expect(losses!.map(({ user_id, position }) => [user_id, position])).toEqual([[viewer, 3]]);
  });

  test('knows, for every history, who may see a task, and which events took that away', async () => {
    await fc.assert(
      fc.asyncProperty(randomHistory, async ({ events, batches }) => {
        const { readers, losses } = await bench.project(feed, ...batches);
        const tasks = new Map<string, Task | null>();
        const lost: string[] = [];
        for (const event of events) {
          const id = event.stream.slice('task-'.length);
          const before = seenBy(tasks.get(id) ?? null);
          const { actor, occurred_at: at } = event.metadata;
          tasks.set(id, evolve(tasks.get(id) ?? null, { ...event, taskId: id, at, by: actor.id }));
          const after = seenBy(tasks.get(id) ?? null);
          for (const person of before) if (!after.includes(person)) lost.push(`${person} ${event.position}`);
        }
        expect(losses!.map(({ user_id, position }) => `${user_id} ${position}`).sort()).toEqual(lost.sort());
        const may = [...tasks].flatMap(([id, task]) => seenBy(task).map((person) => `${person} ${id}`));
        expect(readers!.map(({ user_id, task_id }) => `${user_id} ${task_id}`).sort()).toEqual(may.sort());
      }),
      { numRuns: 15 },
    );
  });
});

function seenBy(task: Task | null): string[] {
  if (task === null) return [];
  if (task.deletedAt !== null) return [task.ownerId];
  return [...new Set([task.ownerId, ...(task.assigneeId === null ? [] : [task.assigneeId]), ...task.shares.keys()])];
}
