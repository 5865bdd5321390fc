import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { activity } from '../../src/projections/activity/activity.ts';
import { actions } from '../../src/projections/activity/describe.ts';
import { everyTaskEvent, everyUserEvent } from '../events/every-event.ts';
import { created, deleted, edited, type Happening, owner, recorded, taskId, transitioned } from '../support/happenings.ts';
import { type Bench, openBench } from './project.ts';
import { randomHistory } from './random-history.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
jest.setTimeout(60_000);

const project = async (...happenings: Happening[]) =>
  (await bench.project(activity, recorded(happenings))).activity!.sort((a, b) => Number(a.position) - Number(b.position));

describe('the activity', () => {
  test('tells every event that has an action, with actor, time, request and details', async () => {
    const taskRows = recorded(Object.values(everyTaskEvent));
    const userRows = recorded(Object.values(everyUserEvent) as never[], { position: 1000n }).map((event) => ({
      ...event,
      stream: `user-${owner}`,
    }));
    const { activity: rows } = await bench.project(activity, [...taskRows, ...userRows] as RecordedEvent[]);
    const told = new Set(rows!.map(({ event_type }) => event_type));
    const silent = [...Object.keys(everyTaskEvent), ...Object.keys(everyUserEvent)].filter((type) => !told.has(type));
    expect(silent).toEqual(['UserErasureRequested']);
    for (const row of rows!) expect(actions).toContain(row.action);
    expect(new Set(rows!.map(({ action }) => action))).toEqual(new Set(actions));
    expect(rows!.find(({ event_type }) => event_type === 'TaskCreated')).toMatchObject({
      position: 1,
      action: 'created',
      resource_type: 'task',
      resource_id: taskId,
      task_id: taskId,
      actor_id: owner,
      actor_kind: 'user',
      token_id: null,
      request_id: 'spec',
      revision: 0,
      details: { title: 'Water the plants', priority: 'medium', status: 'todo', completed: false, tags: ['home'], due_date: '2026-03-01' },
    });
  });

  test('a change tells the fields with their old and new values', async () => {
    const [, row] = await project(created(), transitioned('todo', 'blocked'));
    expect(row).toMatchObject({
      action: 'transitioned',
      details: { changed_fields: ['status'], old_values: { status: 'todo' }, new_values: { status: 'blocked' } },
    });
  });

  test('a deletion tells the title the task had, also when that was told in an earlier batch', async () => {
    const renamed = [
      created(),
      edited({ title: { from: 'Water the plants', to: 'Feed the cat' } }),
      edited({ priority: { from: 'medium', to: 'low' } }),
      deleted(),
    ];
    const events = recorded(renamed);
    for (const batches of [[events], events.map((event) => [event])]) {
      const { activity: rows } = await bench.project(activity, ...batches);
      expect(rows!.find(({ action }) => action === 'deleted')).toMatchObject({ details: { title: 'Feed the cat', forced: false } });
    }
  });

  test('any history, cut into any batches and delivered twice, gives the same rows', async () => {
    await fc.assert(
      fc.asyncProperty(randomHistory, async ({ events, batches }) => {
        const { activity: rows } = await bench.project(activity, ...batches.flatMap((batch) => [batch, batch]));
        expect(rows).toEqual((await bench.project(activity, events)).activity);
        expect(rows).toHaveLength(events.length);
      }),
      { numRuns: 40 },
    );
  });
});
