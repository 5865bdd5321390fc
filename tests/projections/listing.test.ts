import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { type RecordedTaskEvent, subjectId, toFact } from '../../src/events/recorded-event.ts';
import { evolve, type Task } from '../../src/events/task/task.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import { ASSIGNED, EVERYONE, OWNED, SHARED } from '../../src/projections/listing/schema.ts';
import {
  assigned,
  at,
  commented,
  created,
  deleted,
  edited,
  editor,
  type Happening,
  owner,
  recorded,
  restored,
  shared,
  taskId,
  transitioned,
  viewer,
} from '../support/happenings.ts';
import { type Bench, openBench, type Tables } from './project.ts';
import { randomHistory } from './random-history.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
jest.setTimeout(60_000);

/** given(what happened): the rows, the same when the events come one by one or twice. */
async function given(...happenings: Happening[]): Promise<Tables> {
  const events = recorded(happenings);
  const rows = await bench.project(listing, events);
  expect(await bench.project(listing, ...events.map((event) => [event]))).toEqual(rows);
  expect(await bench.project(listing, events, events)).toEqual(rows);
  expect(await bench.make(listing, events)).toEqual(rows);
  expect(await bench.project(listing, ...events.flatMap((event) => [[event], [event]]))).toEqual(rows);
  return rows;
}

function counters(tables: Tables, user: string): Record<string, unknown> {
  return Object.fromEntries(
    tables.counters!.filter(({ user_id }) => user_id === user).map(({ mask, facet, key, n }) => [`${mask} ${facet} ${key}`.trim(), n]),
  );
}

describe('the listing', () => {
  test('shows a created task to its owner and counts it', async () => {
    const tables = await given(created({ tags: ['a', 'b'], due_date: '2026-02-01' }));
    expect(tables.tasks).toMatchObject([
      { id: taskId, title: 'Water the plants', tags: ['a', 'b'], due_date: '2026-02-01', revision: 0, shares: {} },
    ]);
    expect(tables.access).toMatchObject([{ user_id: owner, task_id: taskId, mask: OWNED, permission: 'owner' }]);
    const counted = { state: 1 };
    expect(counters(tables, owner)).toEqual({
      '1 state todo/medium/0/0': counted.state,
      '1 tag a': 1,
      '1 tag b': 1,
      '1 due 2026-02-01': 1,
      '1 created 2026-01-02': 1,
    });
    expect(counters(tables, EVERYONE)).toEqual({
      '0 state todo/medium/0/0': 1,
      '0 tag a': 1,
      '0 tag b': 1,
      '0 due 2026-02-01': 1,
      '0 created 2026-01-02': 1,
    });
  });

  test('follows edits, transitions and comments', async () => {
    const tables = await given(
      created({ tags: ['a'], due_date: '2026-02-01' }),
      edited({ title: { from: 'Water the plants', to: 'Feed the cat' }, due_date: { from: '2026-02-01', to: null } }),
      transitioned('todo', 'done', { to: at(2) }),
      commented('00000000-0000-7000-8000-0000000000c1'),
    );
    expect(tables.tasks).toMatchObject([{ title: 'Feed the cat', due_date: null, status: 'done', comment_count: 1, revision: 3 }]);
    const { updated_at } = tables.tasks![0]!;
    expect(tables.last_changes).toEqual([{ task_id: taskId, updated_at, position: 4 }]);
    expect(tables.task_states).toMatchObject([{ task_id: taskId, status: 'done' }]);
    expect(counters(tables, owner)).toEqual({
      '1 state done/medium/0/0': 1,
      '1 tag a': 1,
      '1 tag_done a': 1,
      '1 created 2026-01-02': 1,
      '1 completed 2026-01-02': 1,
      '1 comments': 1,
    });
  });

  test('gives access to owner, assignee and sharees, each with the reasons they have', async () => {
    const tables = await given(created(), shared(editor, 'edit'), shared(viewer, 'view'), assigned(viewer));
    expect(tables.access).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ user_id: owner, mask: OWNED, permission: 'owner' }),
        expect.objectContaining({ user_id: editor, mask: SHARED, permission: 'edit' }),
        expect.objectContaining({ user_id: viewer, mask: SHARED | ASSIGNED, permission: 'edit' }),
      ]),
    );
    expect(counters(tables, viewer)).toMatchObject({ '6 state todo/medium/1/1': 1 });
  });

  test('a transfer moves ownership, and what the former owner keeps', async () => {
    const moved: Happening = { type: 'TaskTransferred', data: { owner_id: { from: owner, to: editor }, kept: 'view', reason: 'command' } };
    const tables = await given(created(), shared(editor, 'edit'), moved);
    expect(tables.access).toHaveLength(2);
    expect(tables.access).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ user_id: owner, mask: SHARED, permission: 'view' }),
        expect.objectContaining({ user_id: editor, mask: OWNED, permission: 'owner' }),
      ]),
    );
  });

  test('a deleted task is in no listing and no count, and comes back as it was', async () => {
    const history = [created({ tags: ['a'] }), shared(editor, 'edit'), assigned(viewer)];
    const gone = await given(...history, deleted());
    expect(gone).toMatchObject({ access: [], counters: [], tasks: [{ id: taskId, deleted_at: expect.any(String) }] });
    const before = await given(...history);
    const back = await given(...history, deleted(), restored());
    expect(back.access).toEqual(before.access);
    expect(back.counters).toEqual(before.counters);
  });

  test('knows when a task came, went and came back; one that is erased after it was deleted goes only once', async () => {
    const erased = deleted();
    if (erased.type === 'TaskDeleted') erased.data = { ...erased.data, reason: 'erased' };
    const { presence } = await given(created(), edited({}), deleted(), restored(), deleted(), erased);
    expect(presence!.map(({ position, delta }) => [position, delta]).sort()).toEqual([
      [1, 1],
      [3, -1],
      [4, 1],
      [5, -1],
    ]);
  });

  test('keeps the text of comments as they now read, standing or not', async () => {
    const comment_id = '00000000-0000-7000-8000-0000000000c1';
    const rewritten: Happening = {
      type: 'CommentEdited',
      data: { comment_id, author_id: owner, content: { from: 'Well done', to: 'Nearly' }, mentions: { from: [], to: [] } },
    };
    const removed: Happening = { type: 'CommentDeleted', data: { comment_id, author_id: owner, by: 'author' } };
    const tables = await given(created(), commented(comment_id), rewritten, removed);
    const row = { id: comment_id, task_id: taskId, author_id: owner, content: 'Nearly', standing: false, revision: 3 };
    expect(tables.comments).toMatchObject([{ ...row, erased: false, mentions: [], edited_at: expect.stringContaining('03:02:00') }]);
    expect(tables.tasks).toMatchObject([{ comment_count: 0 }]);
    const back: Happening = { type: 'CommentRestored', data: { comment_id, author_id: owner, by: 'author' } };
    expect((await given(created(), commented(comment_id), removed, back)).comments).toMatchObject([
      { content: 'Well done', standing: true },
    ]);
  });

  test('refuses to go on over a missing event', async () => {
    const [first, , third] = recorded([created(), transitioned('todo', 'done'), transitioned('done', 'todo')]);
    await expect(bench.project(listing, [first!, third!])).rejects.toThrow('from revision 0 to 2');
  });

  test('any history, cut into any batches and delivered twice, gives the rows that a fold of it gives', async () => {
    let covered = 0;
    await fc.assert(
      fc.asyncProperty(randomHistory, async ({ events, batches }) => {
        covered += events.length;
        const tables = await bench.project(listing, ...batches.flatMap((batch) => [batch, batch]));
        expect(tables).toEqual(await bench.project(listing, events));
        expect(tables).toEqual(await bench.make(listing, ...batches));
        expect(tables.tasks!.map(comparable)).toEqual(
          [...foldAll(events).values()].map(expectedRow).sort((a, b) => (a.id < b.id ? -1 : 1)),
        );
        const seen = [...foldAll(events).values()].filter(({ deletedAt }) => deletedAt === null);
        expect(tables.access).toHaveLength(
          seen.reduce((sum, task) => sum + new Set([task.ownerId, task.assigneeId ?? task.ownerId, ...task.shares.keys()]).size, 0),
        );
        const total = tables
          .counters!.filter(({ user_id, facet }) => user_id === EVERYONE && facet === 'state')
          .reduce((sum, { n }) => sum + Number(n), 0);
        expect(total).toBe(seen.length);
      }),
      { numRuns: 60 },
    );
    expect(covered).toBeGreaterThan(100);
  });
});

function foldAll(events: readonly RecordedTaskEvent[]): Map<string, Task> {
  const tasks = new Map<string, Task>();
  for (const event of events) tasks.set(subjectId(event), evolve(tasks.get(subjectId(event)) ?? null, toFact(event))!);
  return tasks;
}

function comparable(row: Record<string, unknown>) {
  const { id, title, priority, status, due_date, tags, owner_id, assignee_id, shares, comment_count } = row;
  return { id, title, priority, status, due_date, tags, owner_id, assignee_id, shares, comment_count, deleted: row.deleted_at !== null };
}

function expectedRow(task: Task) {
  return {
    id: task.id,
    title: task.title,
    priority: task.priority,
    status: task.status,
    due_date: task.dueDate,
    tags: task.tags,
    owner_id: task.ownerId,
    assignee_id: task.assigneeId,
    shares: Object.fromEntries([...task.shares].map(([id, { permission }]) => [id, permission])),
    comment_count: task.commentCount,
    deleted: task.deletedAt !== null,
  };
}
