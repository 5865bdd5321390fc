import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type RecordedEvent, subjectId } from '../../events/recorded-event.ts';
import { slices } from '../../platform/slices.ts';
import { insertRows } from '../insert-rows.ts';
import { elseUpdate, type Projection, updateRows, writeRows } from '../projection.ts';
import type { ProjectionClient } from '../projection-client.ts';
import { applyComments, applyFiles } from './parts-of-tasks.ts';
import { presenceChanges, writePresence } from './presence.ts';
import {
  type AccessRow,
  type CounterRow,
  type LastChangeRow,
  type ListedTaskRow,
  listingIndexes,
  listingSchema,
  type TaskRow,
  type TaskStateRow,
  taskColumns,
} from './schema.ts';
import { accessRows, counts } from './standing.ts';
import { foldTaskRow, isTaskEvent } from './task-row.ts';

const accessColumns = ['user_id', 'task_id', 'mask', 'permission', 'created_at'] as const satisfies readonly (keyof AccessRow)[];
const listedColumns = [...taskColumns, 'position'] as const satisfies readonly (keyof ListedTaskRow)[];
const lastChangeColumns = ['task_id', 'updated_at', 'position'] as const satisfies readonly (keyof LastChangeRow)[];
const taskStateColumns = ['task_id', 'status', 'completed_at'] as const satisfies readonly (keyof TaskStateRow)[];
const counterColumns = ['user_id', 'mask', 'facet', 'key', 'n'] as const satisfies readonly (keyof CounterRow)[];

/** So many tasks are handled in a millisecond or two. */
const IN_ONE_TURN = 100;
/** Events folded in one turn of the event loop. */
const YIELD_EVERY = 250;
/** So many rows are in memory at once when the last are made. */
const AT_ONCE = 5_000;

/** Tasks, who has access to them, counts, comments and files: under one checkpoint, so that a join of them never tears. */
export const listing: Projection = {
  name: 'listing',
  version: 6,
  gathersFor: 25,
  tables: listingSchema,
  indexes: listingIndexes,
  positions: { tasks: ['position'], last_changes: ['position'], presence: ['position'] },
  async apply(events, client, isComplete = true) {
    const byTask = groupByTask(events);
    if (byTask.size > 0) await applyToTasks(byTask, client, isComplete);
    await applyComments(events, client);
    await applyFiles(events, client);
  },
  async complete(client) {
    await client.query('insert into last_changes select id, updated_at, position from tasks');
    await client.query('insert into task_states select id, status, completed_at from tasks');
    await client.query('create temp table partial_counters (like counters) on commit drop');
    for await (const rows of everyTask(client)) {
      const { access, counters } = await standingChanges(new Map(), rows);
      await insertRows(client, 'access', accessColumns, access.written);
      await insertRows(client, 'partial_counters', counterColumns, counters);
    }
    await client.query(
      'insert into counters select user_id, mask, facet, key, sum(n) from partial_counters group by user_id, mask, facet, key',
    );
  },
};

type Rows = ReadonlyMap<string, TaskRow>;
type ListedRows = ReadonlyMap<string, ListedTaskRow>;

async function applyToTasks(byTask: ReadonlyMap<string, RecordedEvent[]>, client: ProjectionClient, isComplete: boolean): Promise<void> {
  const before = await loadRows(client, byTask);
  const after = await foldRows(before, byTask);
  // What hangs on the tasks is worked out while the database writes them.
  const [, standing] = await Promise.all([writeTasks(client, before, after), isComplete ? standingChanges(before, after) : null]);
  if (isComplete) await writeOrders(client, before, after);
  if (standing) await writeStanding(client, standing);
  await writePresence(client, presenceChanges(before, byTask));
}

function groupByTask(events: readonly RecordedEvent[]): Map<string, RecordedEvent[]> {
  const byTask = new Map<string, RecordedEvent[]>();
  for (const event of events) {
    if (!isTaskEvent(event)) continue;
    const id = subjectId(event);
    const group = byTask.get(id);
    if (group) group.push(event);
    else byTask.set(id, [event]);
  }
  return byTask;
}

async function loadRows(client: ProjectionClient, byTask: ReadonlyMap<string, unknown>): Promise<Rows> {
  const { rows } = await client.query<{ row: TaskRow }>({
    name: 'load tasks',
    text: `select to_jsonb(t) as row from (select ${taskColumns.join(', ')} from tasks where id = any($1)) t`,
    values: [[...byTask.keys()]],
  });
  return new Map(rows.map(({ row }) => [row.id, row]));
}

/** All rows there are, in pieces. */
async function* everyTask(client: ProjectionClient): AsyncGenerator<Rows> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows } = await client.query<{ row: TaskRow }>(
      `select to_jsonb(t) as row from (select ${taskColumns.join(', ')} from tasks where id > $1 order by id limit ${AT_ONCE}) t`,
      [after],
    );
    if (rows.length === 0) return;
    after = rows.at(-1)!.row.id;
    yield new Map(rows.map(({ row }) => [row.id, row]));
  }
}

/** @returns the rows that the events changed */
async function foldRows(before: Rows, byTask: ReadonlyMap<string, RecordedEvent[]>): Promise<ListedRows> {
  const after = new Map<string, ListedTaskRow>();
  let folded = 0;
  for (const [id, events] of byTask) {
    const old = before.get(id);
    let row = old;
    for (const event of events) {
      row = foldTaskRow(row, event);
      // By events and not by tasks: all events of a batch may be of one task.
      if (++folded % YIELD_EVERY === 0) await nextTurn();
    }
    if (row === undefined || row === old) continue;
    const last = events.findLast(({ revision }) => revision === row.revision)!;
    after.set(id, { ...row, position: last.position.toString() });
  }
  return after;
}

/** What the words of a task are made of. */
const textColumns = ['title', 'description', 'tags'] as const satisfies readonly (keyof TaskRow)[];
const otherColumns = listedColumns.filter((column) => !(textColumns as readonly string[]).includes(column));

/** A row is inserted once and updated ever after: its words are made anew only where its text is another. */
async function writeTasks(client: ProjectionClient, before: Rows, after: ListedRows): Promise<void> {
  const [added, reworded, others]: [ListedTaskRow[], ListedTaskRow[], ListedTaskRow[]] = [[], [], []];
  for await (const some of slices([...after], IN_ONE_TURN)) {
    for (const [id, row] of some) {
      const old = before.get(id);
      if (old === undefined) added.push(row);
      else if (textColumns.some((column) => !isDeepStrictEqual(old[column], row[column]))) reworded.push(row);
      else others.push(row);
    }
  }
  await insertRows(client, 'tasks', listedColumns, added);
  await updateRows(client, 'tasks', listedColumns, reworded);
  await updateRows(client, 'tasks', otherColumns, others);
}

/** Where the tasks come in the lists that are in the order of what most events change. */
async function writeOrders(client: ProjectionClient, before: Rows, after: ListedRows): Promise<void> {
  const rows = [...after.values()];
  const changes: LastChangeRow[] = rows.map(({ id: task_id, updated_at, position }) => ({ task_id, updated_at, position }));
  const states: TaskStateRow[] = rows
    .filter((row) => !isInSameState(before.get(row.id), row))
    .map(({ id: task_id, status, completed_at }) => ({ task_id, status, completed_at }));
  await writeRows(client, 'last_changes', lastChangeColumns, changes, elseUpdate(['task_id'], lastChangeColumns));
  await writeRows(client, 'task_states', taskStateColumns, states, elseUpdate(['task_id'], taskStateColumns));
}

/** A batch may complete a task again: then only the time of its completion is another. */
function isInSameState(before: TaskRow | undefined, after: TaskRow): boolean {
  const [old, now] = [before?.completed_at ?? null, after.completed_at].map((time) => time && Date.parse(time));
  return before?.status === after.status && old === now;
}

/** What hangs on the tasks: who has access, and the counts. */
interface StandingChanges {
  access: AccessChanges;
  counters: CounterRow[];
}

async function standingChanges(before: Rows, after: Rows): Promise<StandingChanges> {
  const access: AccessChanges = { gone: [], written: [] };
  const counters = new Map<string, CounterRow>();
  for await (const some of slices([...after], IN_ONE_TURN)) {
    for (const [id, row] of some) {
      addAccessChanges(access, before.get(id), row);
      addCounterChanges(counters, before.get(id), row);
    }
  }
  return { access, counters: [...counters.values()].filter(({ n }) => n !== 0) };
}

async function writeStanding(client: ProjectionClient, { access, counters }: StandingChanges): Promise<void> {
  await writeAccess(client, access);
  await writeCounters(client, counters);
}

interface AccessChanges {
  gone: AccessRow[];
  written: AccessRow[];
}

function addAccessChanges({ gone, written }: AccessChanges, before: TaskRow | undefined, after: TaskRow): void {
  const old = new Map(accessRows(before).map((access) => [access.user_id, access]));
  for (const access of accessRows(after)) {
    const had = old.get(access.user_id);
    if (had?.mask !== access.mask || had.permission !== access.permission) written.push(access);
    old.delete(access.user_id);
  }
  gone.push(...old.values());
}

async function writeAccess(client: ProjectionClient, { gone, written }: AccessChanges): Promise<void> {
  if (gone.length > 0) {
    await client.write({
      name: 'take access',
      text: 'delete from access a using json_populate_recordset(null::access, $1) g where a.user_id = g.user_id and a.task_id = g.task_id',
      values: [JSON.stringify(gone)],
    });
  }
  await writeRows(client, 'access', accessColumns, written, elseUpdate(['user_id', 'task_id'], accessColumns));
}

/** What the batch adds to the counts. */
function addCounterChanges(changes: Map<string, CounterRow>, before: TaskRow | undefined, after: TaskRow): void {
  const add = (row: CounterRow, sign: number) => {
    const key = `${row.user_id} ${row.mask} ${row.facet} ${row.key}`;
    const change = changes.get(key);
    if (change) change.n += sign * row.n;
    else changes.set(key, { ...row, n: sign * row.n });
  };
  for (const count of counts(before)) add(count, -1);
  for (const count of counts(after)) add(count, 1);
}

/** A count that comes to nothing is removed, so that the rows do not tell how they came about. */
async function writeCounters(client: ProjectionClient, increments: readonly CounterRow[]): Promise<void> {
  await writeRows(
    client,
    'counters',
    counterColumns,
    increments,
    'on conflict (user_id, facet, mask, key) do update set n = counters.n + excluded.n',
  );
  const lessened = increments.filter(({ n }) => n < 0);
  if (lessened.length === 0) return;
  await client.write({
    name: 'remove counters',
    text: `delete from counters c using json_populate_recordset(null::counters, $1) l
           where c.user_id = l.user_id and c.facet = l.facet and c.mask = l.mask and c.key = l.key and c.n = 0`,
    values: [JSON.stringify(lessened)],
  });
}
