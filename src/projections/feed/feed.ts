import { type RecordedEvent, subjectId } from '../../events/recorded-event.ts';
import { slices } from '../../platform/slices.ts';
import { erasedTasks } from '../erasures.ts';
import { insertNewRows } from '../insert-rows.ts';
import { elseUpdate, type Projection, writeRows } from '../projection.ts';
import type { ProjectionClient } from '../projection-client.ts';
import { foldFeedTask, readersOf } from './feed-task.ts';
import { type FeedEventRow, type FeedTaskRow, feedIndexes, feedSchema, type LossRow, type ReaderRow } from './schema.ts';

const eventColumns = [
  'position',
  'type',
  'task_id',
  'user_id',
  'revision',
  'title',
  'status',
] as const satisfies readonly (keyof FeedEventRow)[];
const taskColumns = [
  'id',
  'title',
  'status',
  'owner_id',
  'assignee_id',
  'gives_access',
  'sharee_ids',
  'deleted',
  'revision',
] as const satisfies readonly (keyof FeedTaskRow)[];

/** So many events are folded in a millisecond or two. */
const IN_ONE_TURN = 250;

/**
 * Which events there are and who may see them, under one checkpoint: what is told of a task and whose it is are of the same moment, so
 * that no event shows that came after access was taken away, and none is passed over that came after it was given.
 */
export const feed: Projection = {
  name: 'feed',
  version: 2,
  gathersFor: 50,
  tables: feedSchema,
  indexes: feedIndexes,
  positions: { feed_events: ['position'], losses: ['position'] },
  async apply(events, client) {
    const before = await loadTasks(client, events);
    const { rows, losses, tasks } = await toldBy(events, before);
    await insertNewRows(client, 'feed_events', eventColumns, rows);
    await writeRows(client, 'feed_tasks', taskColumns, [...tasks.values()], elseUpdate(['id'], taskColumns));
    await writeRows(client, 'losses', ['user_id', 'position', 'task_id'], losses, 'on conflict do nothing');
    await writeReaders(client, before, tasks);
    await forgetErased(client, events);
  },
};

type Tasks = ReadonlyMap<string, FeedTaskRow>;

interface Told {
  rows: FeedEventRow[];
  losses: LossRow[];
  /** Those that the events changed. */
  tasks: Map<string, FeedTaskRow>;
}

async function toldBy(events: readonly RecordedEvent[], before: Tasks): Promise<Told> {
  const told: Told = { rows: [], losses: [], tasks: new Map() };
  for await (const some of slices(events, IN_ONE_TURN)) for (const event of some) tell(event, told, before);
  return told;
}

function tell(event: RecordedEvent, told: Told, before: Tasks): void {
  const { type, revision } = event;
  const position = event.position.toString();
  const id = subjectId(event);
  if (event.stream.startsWith('user-')) {
    told.rows.push({ position, type, task_id: null, user_id: id, revision, title: null, status: null });
    return;
  }
  const was = told.tasks.get(id) ?? before.get(id);
  const is = foldFeedTask(was, event);
  if (is === undefined || is === was) return;
  told.tasks.set(id, is);
  told.rows.push({ position, type, task_id: id, user_id: null, revision, title: is.title, status: is.status });
  for (const user_id of gone(readersOf(was), readersOf(is))) told.losses.push({ user_id, position, task_id: id });
}

async function loadTasks(client: ProjectionClient, events: readonly RecordedEvent[]): Promise<Tasks> {
  const ids = new Set(events.filter(({ stream }) => stream.startsWith('task-')).map(subjectId));
  if (ids.size === 0) return new Map();
  const { rows } = await client.query<{ row: FeedTaskRow }>({
    name: 'load feed tasks',
    text: 'select to_jsonb(t) as row from feed_tasks t where id = any($1)',
    values: [[...ids]],
  });
  return new Map(rows.map(({ row }) => [row.id, row]));
}

async function writeReaders(client: ProjectionClient, before: Tasks, after: Tasks): Promise<void> {
  const lost: ReaderRow[] = [];
  const won: ReaderRow[] = [];
  for (const [task_id, row] of after) {
    const had = readersOf(before.get(task_id));
    const have = readersOf(row);
    for (const user_id of gone(had, have)) lost.push({ user_id, task_id });
    for (const user_id of gone(have, had)) won.push({ user_id, task_id });
  }
  if (lost.length > 0) {
    const text =
      'delete from readers r using json_populate_recordset(null::readers, $1) l where r.user_id = l.user_id and r.task_id = l.task_id';
    await client.write({ name: 'take readers', text, values: [JSON.stringify(lost)] });
  }
  await writeRows(client, 'readers', ['user_id', 'task_id'], won, 'on conflict do nothing');
}

/** What a task that went with its owner's account was called goes from every row. */
async function forgetErased(client: ProjectionClient, events: readonly RecordedEvent[]): Promise<void> {
  const erased = erasedTasks(events);
  if (erased.length > 0) await client.write({ text: 'update feed_events set title = null where task_id = any($1)', values: [erased] });
}

function gone(from: ReadonlySet<string>, to: ReadonlySet<string>): string[] {
  return [...from].filter((id) => !to.has(id));
}
