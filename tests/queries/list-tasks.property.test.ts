import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { type Priority, priorities, type Status, statuses } from '../../src/events/values.ts';
import type { CommentRow, TaskRow } from '../../src/projections/listing/schema.ts';
import type { PageRequest } from '../../src/queries/page.ts';
import type { TaskList } from '../../src/queries/tasks/list-tasks.ts';
import { taskScopes } from '../../src/queries/tasks/task-scope.ts';
import { taskSortKeys } from '../../src/queries/tasks/task-sort.ts';
import { expectedList } from './expected-list.ts';
import { aComment, ann, aTask, bob, cid, people } from './given-tasks.ts';
import { openReadSide, type ReadSide } from './read-side.ts';

jest.setTimeout(120_000);

let readSide: ReadSide;
let rows: TaskRow[];
let comments: CommentRow[];

const today = '2026-01-05';
const plainWord = fc.constantFrom('milk', 'Milkshake', 'bread', 'buy', 'e-mail', 'a@b.com', 'x_1', '12', '2e22bex', 'don’t');
const accented = fc.constantFrom('Über', 'naïve', 'É', 'e', 'Cafe\u0301', 'café', 'Łódź', 'lodz', 'Ёлка', 'елка', 'Größe', 'grosse');
const unspaced = fc.constantFrom('买牛奶和面包', '牛奶', '奶和', '面', '日本語のテスト', 'テスト', 'テスト3級', 'b本', 'ทดสอบระบบ', 'สอบ');
const symbols = fc.constantFrom('C#', 'c++', 'c', 'c+d', '🎉', '🎉🚀', '🇩🇪🇸🇪', '🇪🇸', '👍🏽', '+1');
const word = fc.oneof({ weight: 3, arbitrary: plainWord }, accented, unspaced, symbols);
const text = fc.array(word, { maxLength: 5 }).map((words) => words.join(' '));
const person = fc.constantFrom(ann, bob, cid);
const day = fc.integer({ min: 1, max: 9 }).map((n) => `2026-01-0${n}`);
// Few different moments, so that many rows tie.
const moment = fc.tuple(day, fc.constantFrom('00:00:00.000', '12:30:00.001', '23:59:59.999')).map(([date, time]) => `${date}T${time}Z`);
const tag = fc.constantFrom('home', 'work', 'needs review', 'über');

const task = fc.record<Partial<TaskRow>>({
  title: text.map((words) => words || 'untitled'),
  description: text,
  priority: fc.constantFrom<Priority>(...priorities),
  status: fc.constantFrom<Status>(...statuses),
  due_date: fc.option(day),
  tags: fc.uniqueArray(tag, { maxLength: 3 }).map((tags) => tags.sort()),
  owner_id: person,
  assignee_id: fc.option(person),
  shares: fc
    .uniqueArray(fc.tuple(person, fc.constantFrom('view', 'edit')), { maxLength: 2, selector: ([id]) => id })
    .map(Object.fromEntries),
  created_at: moment,
  updated_at: moment,
  deleted_at: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: moment }),
});

// Mostly left out, or hardly any task would pass them all.
const optional = <T>(values: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 7, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: values });
const range = <T>(values: fc.Arbitrary<T>) =>
  optional(fc.record({ after: fc.option(values, { nil: undefined }), before: fc.option(values, { nil: undefined }) }));
const term = fc.oneof(
  word,
  word.map((w) => [...w].slice(0, 2).join('')),
  fc.array(word, { minLength: 1, maxLength: 2 }).map((ws) => `"${ws.join(' ')}"`),
);
const somebody = fc.constantFrom('me' as const, { id: bob }, { username: 'cid' }, { username: 'nobody' });

const anyList: fc.Arbitrary<TaskList> = fc
  .record({
    scope: fc.constantFrom(...taskScopes),
    reader: fc.constantFrom({ id: ann, isAdmin: true }, { id: bob, isAdmin: false }),
    filters: fc.record({
      status: optional(fc.uniqueArray(fc.constantFrom<Status>(...statuses), { minLength: 1, maxLength: 4 })),
      priority: optional(fc.uniqueArray(fc.constantFrom<Priority>(...priorities), { minLength: 1, maxLength: 3 })),
      tags: optional(fc.uniqueArray(tag, { minLength: 1, maxLength: 2 })),
      tagsAny: optional(fc.uniqueArray(tag, { minLength: 1, maxLength: 2 })),
      completed: optional(fc.boolean()),
      overdue: optional(fc.boolean()),
      search: optional(fc.array(term, { minLength: 1, maxLength: 3 }).map((terms) => terms.join(' '))),
      owner: optional(somebody),
      assignee: optional(fc.oneof(somebody, fc.constant('none' as const))),
      due: range(day),
      created: range(moment),
      updated: range(moment),
      deleted: optional(fc.boolean()),
    }),
    sort: fc.record({ by: fc.constantFrom(...taskSortKeys), descending: fc.boolean() }),
  })
  .map((list) => ({ ...list, today }))
  .filter(({ scope, reader }) => scope !== 'everyone' || reader.isAdmin);

beforeAll(async () => {
  readSide = await openReadSide();
  await readSide.people(people);
  const drawn = fc.sample(task, { numRuns: 150, seed: 4 });
  rows = drawn.map((row, n) => aTask(n, row));
  comments = fc
    .sample(fc.record({ content: text, standing: fc.boolean(), of: fc.nat(149) }), { numRuns: 80, seed: 4 })
    .map(({ of, ...comment }, n) => aComment(n + 1_000, of, comment));
  await readSide.tasks(rows);
  await readSide.comments(comments);
});
afterAll(() => readSide?.close());

type Item = { id: string };

async function walk(list: TaskList, size: number) {
  const ids: string[] = [];
  const first = await readSide.queries.listTasks(list, { by: 'page', page: 1, size });
  let page = first;
  for (;;) {
    ids.push(...(JSON.parse(`[${page.items}]`) as Item[]).map(({ id }) => id));
    if (page.nextCursor === null) return { ids, total: first.total };
    page = await readSide.queries.listTasks(list, { by: 'cursor', cursor: page.nextCursor, includeTotal: true, size });
    expect(page.total).toBe(first.total);
  }
}

test('a walk by cursor meets each task that passes the filters once, in order; and the total is right', async () => {
  const sizes: number[] = [];
  await fc.assert(
    fc.asyncProperty(anyList, fc.integer({ min: 1, max: 40 }), async (list, size) => {
      const expected = expectedList(rows, comments, list).map(({ id }) => id);
      const { ids, total } = await walk(list, size);
      expect(total).toBe(expected.length);
      sizes.push(expected.length);
      if (list.sort.by === 'relevance') expect([...ids].sort()).toEqual([...expected].sort());
      else expect(ids).toEqual(expected);
    }),
    { numRuns: 400 },
  );
  // The lists that were drawn are long enough to tell something.
  expect(sizes.filter((size) => size >= 5).length).toBeGreaterThan(100);
});

test('pages by number and by rows skipped are the parts of the same list', async () => {
  await fc.assert(
    fc.asyncProperty(anyList, fc.integer({ min: 1, max: 60 }), fc.nat(200), async (list, size, skip) => {
      const all = (await walk(list, 100)).ids;
      const part = async (request: PageRequest) =>
        (JSON.parse(`[${(await readSide.queries.listTasks(list, request)).items}]`) as Item[]).map(({ id }) => id);
      expect(await part({ by: 'skip', skip, size })).toEqual(all.slice(skip, skip + size));
      expect(await part({ by: 'page', page: 2, size })).toEqual(all.slice(size, 2 * size));
    }),
    { numRuns: 100 },
  );
});

test('an export has every task of the list, in its order', async () => {
  await fc.assert(
    fc.asyncProperty(anyList, async (list) => {
      const exported: string[] = [];
      for await (const batch of readSide.queries.exportTasks(list, new AbortController().signal)) exported.push(...batch);
      const items = await readSide.queries.listTasks(list, { by: 'page', page: 1, size: 100 });
      expect(exported.length).toBe(items.total);
      expect(exported.slice(0, 100).join(',')).toBe(items.items);
    }),
    { numRuns: 60 },
  );
});
