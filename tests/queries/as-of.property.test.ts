import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { RecordedTaskEvent } from '../../src/events/recorded-event.ts';
import { priorities, statuses } from '../../src/events/values.ts';
import type { TaskList } from '../../src/queries/tasks/list-tasks.ts';
import type { TaskFilters } from '../../src/queries/tasks/task-filters.ts';
import { taskScopes } from '../../src/queries/tasks/task-scope.ts';
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

const search = fc.constantFrom('task', 'a', '"d e"', 'water plants');
const anyFilters: fc.Arbitrary<TaskFilters> = fc.record({
  status: optional(fc.subarray([...statuses], { minLength: 1 })),
  priority: optional(fc.subarray([...priorities], { minLength: 1 })),
  tags: optional(fc.constantFrom(['a'], ['b'])),
  overdue: optional(fc.boolean()),
  assignee: optional(fc.constantFrom('me' as const, 'none' as const)),
  deleted: optional(fc.constant(true)),
  search: optional(search),
});

const list = fc.record({
  reader: fc.constantFrom(owner, editor, viewer).map((id) => ({ id, isAdmin: id === owner })),
  scope: fc.constantFrom(...taskScopes),
  filters: fc.oneof(fc.constant<TaskFilters>({}), fc.record<TaskFilters>({ search }), anyFilters),
  sort: fc.record({
    by: fc.constantFrom('created_at', 'updated_at', 'due_date', 'priority', 'status', 'title', 'id'),
    descending: fc.boolean(),
  }),
});

/** Tasks that stay as they are: with them, little comes and goes beside what there is, as it is after years. */
const standing = Array.from({ length: 8 }, (_, n) =>
  recorded([created(), shared(editor, 'view')], { task: `00000000-0000-7000-8000-00000000020${n}` }),
).flat();

function behindStanding(events: readonly RecordedTaskEvent[]): RecordedTaskEvent[] {
  return [...standing, ...events].map((event, n) => ({ ...event, position: BigInt(n + 1) }));
}

test('a list as of any position is that of a fold of the events up to it, for whom may see them now', async () => {
  await fc.assert(
    fc.asyncProperty(
      timedHistory.map(behindStanding),
      fc.array(fc.tuple(fc.nat(), list), { minLength: 6, maxLength: 6 }),
      async (events, asked) => {
        await readSide.clear();
        await readSide.happened(events);
        const now = foldTasks(events);
        for (const [place, { scope, ...rest }] of asked) {
          if (scope === 'everyone' && !rest.reader.isAdmin) continue;
          const position = (place % events.length) + 1;
          const then = [...foldTasks(events.slice(0, position)).values()];
          const seen = then.filter(({ task }) => scope === 'everyone' || isVisible(now.get(task.id)!.task, rest.reader.id));
          const wanted = { ...rest, today, asOf: String(position) } as Omit<TaskList, 'scope'>;
          // Who may see a task now sees all of it, whatever they had of it then; of what was deleted only their own.
          const held = scope === 'all' && !rest.filters.deleted ? 'everyone' : scope;
          const expected = expectedList(seen.map(rowOf), [], { ...wanted, scope: held });
          const page = await readSide.queries.listTasks({ ...wanted, scope }, { by: 'page', page: 1, size: 100 });
          const items = JSON.parse(`[${page.items}]`) as Record<string, unknown>[];
          const told = items.map(({ id, title, status, revision }) => ({ id, title, status, revision }));
          expect(told).toEqual(expected.map(({ id, title, status, revision }) => ({ id, title, status, revision })));
          expect(page.total).toBe(expected.length);
        }
      },
    ),
    { numRuns: 40 },
  );
});
