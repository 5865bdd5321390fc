import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { RecordedTaskEvent } from '../../src/events/recorded-event.ts';
import type { Task } from '../../src/events/task/task.ts';
import { type Status, statuses } from '../../src/events/values.ts';
import type { FlowQuery, Spread } from '../../src/queries/history/flow-stats.ts';
import { taskScopes } from '../../src/queries/tasks/task-scope.ts';
import { editor, owner, viewer } from '../support/happenings.ts';
import { openReadSide, type ReadSide } from './read-side.ts';
import { firstMoment, foldTasks, isVisible, timedHistory } from './timed-history.ts';

jest.setTimeout(60_000);

let readSide: ReadSide;
beforeAll(async () => {
  readSide = await openReadSide();
});
afterAll(() => readSide?.close());

const hour = 3_600_000;
const time = (ms: number) => new Date(ms).toISOString();

const query = fc
  .record({
    reader: fc.constantFrom(owner, editor, viewer).map((id) => ({ id, isAdmin: id === owner })),
    scope: fc.constantFrom(...taskScopes),
    begin: fc.integer({ min: -30, max: 60 }),
    lengths: fc.array(fc.constantFrom(1, 23, 24, 25, 168), { minLength: 1, maxLength: 8 }),
  })
  .filter(({ scope, reader }) => scope !== 'everyone' || reader.isAdmin)
  .map(({ begin, lengths, ...asked }): FlowQuery => {
    const edges = lengths.reduce((all, length) => all.concat(all.at(-1)! + length * hour), [firstMoment + begin * hour]).map(time);
    return { ...asked, starts: edges.slice(0, -1), end: edges.at(-1)!, now: edges.at(-1)! };
  });

/** A task as one of its events left it. */
interface Moment {
  at: string;
  task: Task;
}

function holds(task: Task, { scope, reader }: FlowQuery): boolean {
  if (task.deletedAt !== null) return false;
  if (scope === 'owned') return task.ownerId === reader.id;
  if (scope === 'assigned') return task.assigneeId === reader.id;
  return scope !== 'shared' || task.shares.has(reader.id);
}

/** The life of each task that the reader may see now, until an end. */
function lives(events: readonly RecordedTaskEvent[], asked: FlowQuery, end: string): Moment[][] {
  const visible = [...foldTasks(events).values()].filter(({ task }) => asked.scope === 'everyone' || isVisible(task, asked.reader.id));
  return visible
    .map(({ task: { id } }) => {
      const own = events.filter(({ stream, metadata }) => stream === `task-${id}` && metadata.occurred_at < end);
      return own.map((event, n) => ({ at: event.metadata.occurred_at, task: foldTasks(own.slice(0, n + 1)).get(id)!.task }));
    })
    .filter((moments) => moments.length > 0);
}

/** When the status that the task last had was come into. */
function lastEntry(life: readonly Moment[]): string {
  const entry = life.findLast(({ task }, n) => task.status !== life[n - 1]?.task.status);
  return entry!.at;
}

function spread(seconds: readonly number[]): Spread {
  const sorted = [...seconds].sort((a, b) => a - b);
  const percentile = (p: number) => {
    if (sorted.length === 0) return null;
    const place = p * (sorted.length - 1);
    const low = Math.floor(place);
    return sorted[low]! + (place - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
  };
  return { p50: percentile(0.5), p85: percentile(0.85), p95: percentile(0.95), count: sorted.length };
}

/** The statistics, worked out in plain TypeScript. */
function naiveFlow(events: readonly RecordedTaskEvent[], asked: FlowQuery) {
  const seconds = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000;
  const buckets = asked.starts.map((start, n) => {
    const end = asked.starts[n + 1] ?? asked.end;
    const until = lives(events, asked, end);
    const standing = until.filter((life) => holds(life.at(-1)!.task, asked));
    return {
      start,
      created: until.filter(([first]) => first!.at >= start && holds(first!.task, asked)).length,
      completed: standing.filter((life) => life.at(-1)!.task.status === 'done' && lastEntry(life) >= start).length,
      open: Object.fromEntries(statuses.map((status) => [status, standing.filter((life) => life.at(-1)!.task.status === status).length])),
    };
  });
  const held = lives(events, asked, asked.end).filter((life) => holds(life.at(-1)!.task, asked));
  const finished = held.filter((life) => life.at(-1)!.task.status === 'done' && lastEntry(life) >= asked.starts[0]!);
  const started = finished.flatMap((life) => {
    const first = life.find(({ task }) => task.status === 'in_progress');
    return first ? [seconds(first.at, lastEntry(life))] : [];
  });
  const spent = (life: readonly Moment[], status: Status) => {
    const until = life.filter(({ at }) => at <= lastEntry(life));
    const steps = until.flatMap(({ at, task }, n) => (until[n + 1] && task.status === status ? [seconds(at, until[n + 1]!.at)] : []));
    return steps.length > 0 ? [steps.reduce((a, b) => a + b)] : [];
  };
  const open = held.filter((life) => !['done', 'cancelled'].includes(life.at(-1)!.task.status));
  return {
    buckets,
    lead_time: spread(finished.map((life) => seconds(life[0]!.at, lastEntry(life)))),
    cycle_time: spread(started),
    time_in_status: Object.fromEntries(statuses.map((status) => [status, spread(finished.flatMap((life) => spent(life, status)))])),
    ageing: open
      .map((life) => ({ life, task: life.at(-1)!.task }))
      .sort((a, b) => Date.parse(a.task.createdAt) - Date.parse(b.task.createdAt))
      .map(({ life, task }) => ({
        task_id: task.id,
        title: task.title,
        status: task.status,
        age: seconds(task.createdAt, asked.now),
        time_in_status: seconds(lastEntry(life), asked.now),
      })),
  };
}

function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, inner) => (typeof inner === 'number' ? Math.round(inner * 1000) / 1000 : inner)));
}

test('the flow of any history, in any buckets, is what a plain fold of its events makes of it', async () => {
  let finished = 0;
  await fc.assert(
    fc.asyncProperty(timedHistory, fc.array(query, { minLength: 4, maxLength: 4 }), async (events, queries) => {
      await readSide.clear();
      await readSide.happened(events);
      for (const asked of queries) {
        const flow = await readSide.queries.flowStats(asked);
        finished += flow.lead_time.count;
        expect(rounded(flow)).toEqual(rounded(naiveFlow(events, asked)));
      }
    }),
    { numRuns: 25 },
  );
  expect(finished).toBeGreaterThan(0);
});
