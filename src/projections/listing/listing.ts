import { isDeepStrictEqual } from 'node:util';
import { type RecordedEvent, subjectId } from '../../events/recorded-event.ts';
import { elseUpdate, type Projection, type ProjectionClient, updateRows, writeRows } from '../projection.ts';
import { applyComments, applyFiles } from './parts-of-tasks.ts';
import { type AccessRow, type CounterRow, listingSchema, type TaskRow, taskColumns } from './schema.ts';
import { accessRows, counts } from './standing.ts';
import { foldTaskRow, isTaskEvent } from './task-row.ts';

const accessColumns = ['user_id', 'task_id', 'mask', 'permission', 'created_at'] as const satisfies readonly (keyof AccessRow)[];
const counterColumns = ['user_id', 'mask', 'facet', 'key', 'n'] as const satisfies readonly (keyof CounterRow)[];

/** Tasks, who has access to them, counts, comments and files: under one checkpoint, so that a join of them never tears. */
export const listing: Projection = {
  name: 'listing',
  version: 2,
  tables: listingSchema,
  async apply(events, client) {
    const byTask = groupByTask(events);
    if (byTask.size > 0) await applyToTasks(byTask, client);
    await applyComments(events, client);
    await applyFiles(events, client);
  },
};

type Rows = Map<string, TaskRow>;

async function applyToTasks(byTask: ReadonlyMap<string, RecordedEvent[]>, client: ProjectionClient): Promise<void> {
  const before = await loadRows(client, byTask);
  const after = foldRows(before, byTask);
  // What hangs on the tasks is worked out while the database writes them.
  const [, access, counters] = await Promise.all([
    writeTasks(client, before, after),
    accessChanges(before, after),
    counterChanges(before, after),
  ]);
  await writeAccess(client, access);
  await writeCounters(client, counters);
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
    text: `select to_jsonb(t) - 'search' as row from tasks t where id = any($1)`,
    values: [[...byTask.keys()]],
  });
  return new Map(rows.map(({ row }) => [row.id, row]));
}

/** @returns the rows that the events changed */
function foldRows(before: Rows, byTask: ReadonlyMap<string, RecordedEvent[]>): Rows {
  const after: Rows = new Map();
  for (const [id, events] of byTask) {
    const old = before.get(id);
    const row = events.reduce(foldTaskRow, old);
    if (row !== undefined && row !== old) after.set(id, row);
  }
  return after;
}

/** What the words of a task are made of. */
const textColumns = ['title', 'description', 'tags'] as const satisfies readonly (keyof TaskRow)[];
const otherColumns = taskColumns.filter((column) => !(textColumns as readonly string[]).includes(column));

/** A row is inserted once and updated ever after: its words are made anew only where its text is another. */
async function writeTasks(client: ProjectionClient, before: Rows, after: Rows): Promise<void> {
  const [added, reworded, others]: [TaskRow[], TaskRow[], TaskRow[]] = [[], [], []];
  for (const [id, row] of after) {
    const old = before.get(id);
    if (old === undefined) added.push(row);
    else if (textColumns.some((column) => !isDeepStrictEqual(old[column], row[column]))) reworded.push(row);
    else others.push(row);
  }
  await writeRows(client, 'tasks', taskColumns, added, '');
  await updateRows(client, 'tasks', taskColumns, reworded);
  await updateRows(client, 'tasks', otherColumns, others);
}

interface AccessChanges {
  gone: AccessRow[];
  written: AccessRow[];
}

async function accessChanges(before: Rows, after: Rows): Promise<AccessChanges> {
  const gone: AccessRow[] = [];
  const written: AccessRow[] = [];
  for (const [id, row] of after) {
    const old = new Map(accessRows(before.get(id)).map((access) => [access.user_id, access]));
    for (const access of accessRows(row)) {
      const had = old.get(access.user_id);
      if (had?.mask !== access.mask || had.permission !== access.permission) written.push(access);
      old.delete(access.user_id);
    }
    gone.push(...old.values());
  }
  return { gone, written };
}

async function writeAccess(client: ProjectionClient, { gone, written }: AccessChanges): Promise<void> {
  if (gone.length > 0) {
    await client.query(
      'delete from access a using json_populate_recordset(null::access, $1) g where a.user_id = g.user_id and a.task_id = g.task_id',
      [JSON.stringify(gone)],
    );
  }
  await writeRows(client, 'access', accessColumns, written, elseUpdate(['user_id', 'task_id'], accessColumns));
}

/** What the batch adds to the counts. */
async function counterChanges(before: Rows, after: Rows): Promise<CounterRow[]> {
  const changes = new Map<string, CounterRow>();
  const add = (row: CounterRow, sign: number) => {
    const key = `${row.user_id} ${row.mask} ${row.facet} ${row.key}`;
    const change = changes.get(key);
    if (change) change.n += sign * row.n;
    else changes.set(key, { ...row, n: sign * row.n });
  };
  for (const [id, row] of after) {
    for (const count of counts(before.get(id))) add(count, -1);
    for (const count of counts(row)) add(count, 1);
  }
  return [...changes.values()].filter(({ n }) => n !== 0);
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
  await client.query(
    `delete from counters c using json_populate_recordset(null::counters, $1) l
     where c.user_id = l.user_id and c.facet = l.facet and c.mask = l.mask and c.key = l.key and c.n = 0`,
    [JSON.stringify(lessened)],
  );
}
