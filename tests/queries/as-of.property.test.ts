import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { startOfLastSevenDays } from '../../src/api/days.ts';
import type { RecordedTaskEvent } from '../../src/events/recorded-event.ts';
import { priorities, statuses } from '../../src/events/values.ts';
import type { TaskRow } from '../../src/projections/listing/schema.ts';
import type { TaskList } from '../../src/queries/tasks/list-tasks.ts';
import type { TaskFilters } from '../../src/queries/tasks/task-filters.ts';
import { type Reader, type TaskScope, taskScopes } from '../../src/queries/tasks/task-scope.ts';
import { created, editor, owner, recorded, shared, viewer } from '../support/happenings.ts';
import { expectedList } from './expected-list.ts';
import { openReadSide, type ReadSide } from './read-side.ts';
import { foldTasks, isVisible, rowOf, timedHistory } from './timed-history.ts';

jest.setTimeout(60_000);

let readSide: ReadSide;
beforeAll(async () => {
  readSide = await openReadSide();
});
afterAll(() => readSide?.close());

const today = '2026-01-05';
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined, freq: 2 });

const search = fc.constantFrom(
  'task',
  'a',
  '"d e"',
  'water plants',
  'cafe',
  'CAFÉ 🎉',
  '牛奶',
  'c++',
  '"grosse"',
  'スト3',
  'елка',
  '"well done"',
  '---',
);
const anyFilters: fc.Arbitrary<TaskFilters> = fc.record({
  status: optional(fc.subarray([...statuses], { minLength: 1 })),
  priority: optional(fc.subarray([...priorities], { minLength: 1 })),
  tags: optional(fc.constantFrom(['a'], ['b'])),
  overdue: optional(fc.boolean()),
  assignee: optional(fc.constantFrom('me' as const, 'none' as const)),
  deleted: optional(fc.constant(true)),
  search: optional(search),
});
/** What totals are kept of. */
const keptFilters: fc.Arbitrary<TaskFilters> = fc.oneof(
  fc.record<TaskFilters>({ status: fc.subarray([...statuses], { minLength: 1 }) }),
  fc.record<TaskFilters>({ priority: fc.subarray([...priorities], { minLength: 1 }), completed: optional(fc.boolean()) }),
  fc.record<TaskFilters>({ overdue: fc.constant(true) }),
  fc.record<TaskFilters>({ assignee: fc.constant('none') }),
);

const reader = fc.constantFrom(owner, editor, viewer).map((id) => ({ id, isAdmin: id === owner }));
const anyList = fc.record({
  reader,
  scope: fc.constantFrom(...taskScopes),
  filters: fc.oneof(fc.constant<TaskFilters>({}), fc.record<TaskFilters>({ search }), anyFilters, keptFilters),
  sort: fc.record({
    by: fc.constantFrom('created_at', 'updated_at', 'due_date', 'priority', 'status', 'title', 'id'),
    descending: fc.boolean(),
  }),
});

/** Tasks that stay as they are: with them, little comes and goes beside what there is, as it is after years. */
const standing = Array.from({ length: 24 }, (_, n) =>
  recorded([created(), shared(editor, 'view')], { task: `00000000-0000-7000-8000-0000000002${n + 10}` }),
);

function behindStanding(events: readonly RecordedTaskEvent[], tasks: number): RecordedTaskEvent[] {
  return [...standing.slice(0, tasks).flat(), ...events].map((event, n) => ({ ...event, position: BigInt(n + 1) }));
}

/** What was then of the tasks that somebody may see now. */
function seenThen(events: readonly RecordedTaskEvent[], position: number, scope: TaskScope, reader: Reader): TaskRow[] {
  const now = foldTasks(events);
  const then = [...foldTasks(events.slice(0, position)).values()];
  return then.filter(({ task }) => scope === 'everyone' || isVisible(now.get(task.id)!.task, reader.id)).map(rowOf);
}

async function walkedIds(list: TaskList): Promise<string[]> {
  let page = await readSide.queries.listTasks(list, { by: 'page', page: 1, size: 10 });
  const { total, pages } = page;
  const ids: string[] = [];
  for (;;) {
    ids.push(...(JSON.parse(`[${page.items}]`) as { id: string }[]).map(({ id }) => id));
    if (page.nextCursor === null) break;
    page = await readSide.queries.listTasks(list, { by: 'cursor', cursor: page.nextCursor, includeTotal: true, size: 10 });
    expect(page.total).toBe(total);
  }
  expect({ total, pages }).toEqual({ total: ids.length, pages: Math.ceil(ids.length / 10) });
  return ids;
}

test('a list as of any position is that of a fold of the events up to it, for whom may see them now', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(timedHistory, fc.constantFrom(0, 1, 8, 24)).map(([events, tasks]) => behindStanding(events, tasks)),
      fc.array(fc.tuple(fc.nat(), anyList), { minLength: 6, maxLength: 6 }),
      async (events, asked) => {
        await readSide.clear();
        await readSide.happened(events);
        for (const [place, { scope, ...rest }] of asked) {
          if (scope === 'everyone' && !rest.reader.isAdmin) continue;
          // Position 0 is before the first event.
          const position = place % (events.length + 1);
          const seen = seenThen(events, position, scope, rest.reader);
          const wanted = { ...rest, today, asOf: String(position) } as Omit<TaskList, 'scope'>;
          // Who may see a task now sees all of it, whatever they had of it then; of what was deleted only their own.
          const held = scope === 'all' && !rest.filters.deleted ? 'everyone' : scope;
          const expected = expectedList(seen, [], { ...wanted, scope: held });
          const page = await readSide.queries.listTasks({ ...wanted, scope }, { by: 'page', page: 1, size: 100 });
          const items = JSON.parse(`[${page.items}]`) as Record<string, unknown>[];
          const told = items.map(({ id, title, status, revision }) => ({ id, title, status, revision }));
          expect(told).toEqual(expected.map(({ id, title, status, revision }) => ({ id, title, status, revision })));
          expect(page.total).toBe(expected.length);
          expect(await walkedIds({ ...wanted, scope })).toEqual(expected.map(({ id }) => id));
        }
      },
    ),
    { numRuns: 40 },
  );
});

/** When the last seven days begin, by the clocks of people in several time zones. */
const recent = fc
  .tuple(fc.constantFrom('UTC', 'Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Kathmandu'), fc.integer({ min: 8, max: 12 }))
  .map(([timezone, day]) => startOfLastSevenDays(timezone, new Date(Date.UTC(2026, 0, day, 12))));

/** The counts of tasks, in plain TypeScript. */
function statsOf(rows: readonly TaskRow[], since: string, reader: string) {
  const count = (passes: (row: TaskRow) => unknown) => rows.filter(passes).length;
  const completed = count(({ status }) => status === 'done');
  const tags = [...new Set(rows.flatMap((row) => row.tags))];
  return {
    total: rows.length,
    completed,
    incomplete: rows.length - completed,
    completion_rate: rows.length === 0 ? 0 : completed / rows.length,
    overdue: count(({ due_date, status }) => due_date !== null && due_date < today && status !== 'done' && status !== 'cancelled'),
    by_status: Object.fromEntries(statuses.map((value) => [value, count(({ status }) => status === value)])),
    by_priority: Object.fromEntries(priorities.map((value) => [value, count(({ priority }) => priority === value)])),
    by_tag: Object.fromEntries(tags.map((tag) => [tag, count((row) => row.tags.includes(tag))])),
    tasks_shared: count(({ shares }) => Object.keys(shares).length > 0),
    comments_posted: rows.reduce((sum, { comments_by_author }) => sum + (comments_by_author[reader] ?? 0), 0),
    created_last_7_days: count(({ created_at }) => created_at >= since),
    completed_last_7_days: count(({ completed_at }) => completed_at !== null && completed_at >= since),
  };
}

test('statistics and tags as of any position are counted from a fold, told from what is kept or counted anew', async () => {
  const before = readSide.statements.length;
  await fc.assert(
    fc.asyncProperty(
      timedHistory.map((events) => behindStanding(events, 24)),
      fc.array(fc.tuple(fc.oneof(fc.nat(3), fc.nat()), reader, fc.constantFrom(...taskScopes), recent), { minLength: 6, maxLength: 6 }),
      async (events, asked) => {
        await readSide.clear();
        await readSide.happened(events);
        for (const [place, reader, scope, recentSince] of asked) {
          if (scope === 'everyone' && !reader.isAdmin) continue;
          // The last are those of which little has changed since.
          const position = events.length - (place % (events.length + 1));
          const seen = seenThen(events, position, scope, reader);
          const wanted = { reader, today, filters: {}, sort: { by: 'id', descending: false } } as const;
          const held = expectedList(seen, [], { ...wanted, scope: scope === 'all' ? 'everyone' : scope });
          const asOf = String(position);
          const stats = await readSide.queries.taskStats({ reader, scope, today, recentSince, asOf });
          expect(stats).toEqual(statsOf(held, recentSince, reader.id));

          const visible = expectedList(seenThen(events, position, 'all', reader), [], { ...wanted, scope: 'everyone' });
          const tags = await readSide.queries.listTags({ reader, asOf }, { by: 'page', page: 1, size: 100 });
          const { by_tag } = statsOf(visible, today, reader.id);
          const told = (JSON.parse(`[${tags.items}]`) as { tag: string; count: number; completed: number }[]).map((item) => [
            item.tag,
            item,
          ]);
          expect(Object.fromEntries(told)).toEqual(
            Object.fromEntries(
              Object.entries(by_tag).map(([tag, count]) => [
                tag,
                { tag, count, completed: visible.filter((row) => row.status === 'done' && row.tags.includes(tag)).length },
              ]),
            ),
          );
          expect(tags.total).toBe(Object.keys(by_tag).length);
        }
      },
    ),
    { numRuns: 40 },
  );
  const counted = readSide.statements.slice(before).filter(({ text }) => text.includes('t as materialized'));
  const fromKept = counted.filter(({ text }) => text.includes('changed as materialized'));
  expect(fromKept.length).toBeGreaterThan(counted.length / 10);
  expect(fromKept.length).toBeLessThan(counted.length * 0.9);
});
