import type { Queries } from '../../src/queries/queries.ts';
import type { TaskList } from '../../src/queries/tasks/list-tasks.ts';
import type { TaskFilters } from '../../src/queries/tasks/task-filters.ts';
import type { Reader } from '../../src/queries/tasks/task-scope.ts';
import { type TaskSortKey, taskSortKeys } from '../../src/queries/tasks/task-sort.ts';
import type { Person } from '../data/people.ts';
import { rareWord } from '../data/words.ts';

/** What the queries are asked about. */
export interface Subject {
  people: readonly Person[];
  /** Positions halfway through the log and near its end. */
  halfway: string;
  late: string;
  head: bigint;
  /** A task with many events. */
  taskId: string;
  operationId: string;
  requestId: string;
}

export interface Case {
  group: string;
  name: string;
  ask(queries: Queries, subject: Subject): Promise<unknown>;
}

const TODAY = '2025-12-15';
const page = { by: 'page', page: 1, size: 25 } as const;
const newest = { by: 'created_at', descending: true } as const;

/** Who has access to every task, by shares for the half of them. */
const everywhere = ({ people }: Subject): Reader => ({ id: people[0]!.id, isAdmin: false });
const admin = ({ people }: Subject): Reader => ({ id: people[1]!.id, isAdmin: true });
/** Who has a few tasks, however many there are. */
const few = ({ people }: Subject): Reader => ({ id: people.at(-1)!.id, isAdmin: false });

const listOf = (reader: Reader, more: Partial<TaskList> = {}): TaskList => ({
  reader,
  today: TODAY,
  scope: reader.isAdmin ? 'everyone' : 'all',
  filters: {},
  sort: newest,
  ...more,
});

function lists(group: string, reader: (subject: Subject) => Reader): Case[] {
  const list = (name: string, more: Partial<TaskList> | ((subject: Subject) => Partial<TaskList>), request = page): Case => ({
    group,
    name,
    ask: (queries, subject) => queries.listTasks(listOf(reader(subject), typeof more === 'function' ? more(subject) : more), request),
  });
  const filtered = (name: string, filters: TaskFilters) => list(`filter ${name}`, { filters });
  const sorts = taskSortKeys.filter((by): by is Exclude<TaskSortKey, 'relevance'> => by !== 'relevance' && by !== 'created_at');
  const search = (name: string, text: string) => [
    list(`search ${name}, by relevance`, { filters: { search: text }, sort: { by: 'relevance', descending: true } }),
    list(`search ${name}, newest first`, { filters: { search: text } }),
  ];
  return [
    list('newest first', {}),
    list('oldest first', { sort: { by: 'created_at', descending: false } }),
    { ...list('page 100', {}), ask: (queries, subject) => queries.listTasks(listOf(reader(subject)), { ...page, page: 100 }) },
    ...sorts.flatMap((by) => [list(`sort ${by}`, { sort: { by, descending: false } })]),
    list('sort due_date desc', { sort: { by: 'due_date', descending: true } }),
    filtered('status', { status: ['blocked'] }),
    filtered('priority', { priority: ['urgent'] }),
    filtered('completed', { completed: true }),
    filtered('overdue', { overdue: true }),
    filtered('tags (all)', { tags: ['garden', 'home'] }),
    filtered('tags_any', { tagsAny: ['garden', 'legal'] }),
    filtered('a tag nobody has', { tags: ['no-such-tag'] }),
    filtered('owner', { owner: { username: 'person-2' } }),
    filtered('assignee me', { assignee: 'me' }),
    filtered('assignee none', { assignee: 'none' }),
    filtered('due in a week', { due: { after: '2025-12-01', before: '2025-12-07' } }),
    filtered('created in a week', { created: { after: '2025-06-01T00:00:00.000Z', before: '2025-06-07T00:00:00.000Z' } }),
    filtered('updated in a week', { updated: { after: '2025-12-01T00:00:00.000Z' } }),
    filtered('deleted', { deleted: true }),
    ...search('a common word', 'report'),
    ...search('a rare word', rareWord),
    ...search('two words', 'report garden'),
    ...search('a phrase', '"last month"'),
    ...search('a word nobody wrote', 'zebra'),
    list('as of halfway', ({ halfway }) => ({ asOf: halfway })),
    list('as of late', ({ late }) => ({ asOf: late })),
    list('as of late, filter status', ({ late }) => ({ asOf: late, filters: { status: ['blocked'] } })),
    list('as of late, sort title', ({ late }) => ({ asOf: late, sort: { by: 'title', descending: false } })),
    list('as of late, search', ({ late }) => ({ asOf: late, filters: { search: rareWord } })),
  ];
}

function counts(group: string, reader: (subject: Subject) => Reader): Case[] {
  const scope = (subject: Subject) => (reader(subject).isAdmin ? 'everyone' : 'all');
  const stats = (name: string, asOf?: (subject: Subject) => string): Case => ({
    group,
    name,
    ask: (queries, subject) =>
      queries.taskStats({
        reader: reader(subject),
        scope: scope(subject),
        today: TODAY,
        recentSince: `${TODAY}T00:00:00.000Z`,
        asOf: asOf?.(subject),
      }),
  });
  const flow = (name: string, from: string, days: number): Case => ({
    group,
    name,
    ask: (queries, subject) =>
      queries.flowStats({ reader: reader(subject), scope: scope(subject), ...bucketsFrom(from, days), now: `${TODAY}T00:00:00.000Z` }),
  });
  return [
    stats('statistics'),
    stats('statistics as of late', ({ late }) => late),
    { group, name: 'tags', ask: (queries, subject) => queries.listTags({ reader: reader(subject) }, page) },
    { group, name: 'tags as of late', ask: (queries, subject) => queries.listTags({ reader: reader(subject), asOf: subject.late }, page) },
    flow('flow, 30 days', '2025-11-15', 30),
    flow('flow, 366 days', '2024-12-14', 366),
    {
      group,
      name: 'changes between two positions',
      ask: (queries, subject) =>
        queries.listTaskChanges({ reader: reader(subject), from: subject.late, to: subject.head.toString() }, page),
    },
  ];
}

function trail(group: string, reader: (subject: Subject) => Reader): Case[] {
  const listed = (name: string, filters: Parameters<Queries['listActivity']>[0]['filters']): Case => ({
    group,
    name,
    ask: (queries, subject) => queries.listActivity({ actor: { id: reader(subject).id }, reader: reader(subject), filters }, page),
  });
  return [
    listed('activity', {}),
    listed('activity of one kind', { action: ['task_deleted' as never] }),
    listed('activity of a week', { occurred: { after: '2025-06-01T00:00:00.000Z', before: '2025-06-07T00:00:00.000Z' } }),
    {
      group,
      name: 'activity statistics',
      ask: (queries, subject) => queries.activityStats(reader(subject).id, { starts: ['2000-01-01T00:00:00.000Z'], seconds: [0] }),
    },
    {
      group,
      name: 'feed from the beginning',
      ask: (queries, subject) => queries.readFeed({ reader: reader(subject), after: 0n, limit: 100 }),
    },
    {
      group,
      name: 'feed near the end',
      ask: (queries, subject) => queries.readFeed({ reader: reader(subject), after: subject.head - 1_000n, limit: 100 }),
    },
    {
      group,
      name: 'feed of one type',
      ask: (queries, subject) => queries.readFeed({ reader: reader(subject), after: 0n, types: ['TaskDeleted'], limit: 100 }),
    },
  ];
}

const ofOneTask: Case[] = [
  { group: 'one task', name: 'timeline', ask: (queries, { taskId }) => queries.taskTimeline(taskId, { id: taskId, isAdmin: true }, page) },
  { group: 'one task', name: 'comments', ask: (queries, { taskId }) => queries.listComments(taskId, page) },
  { group: 'one task', name: 'files', ask: (queries, { taskId }) => queries.listFiles(taskId, page) },
  { group: 'a run', name: 'by operation', ask: (queries, { operationId }) => queries.findRun({ operationId }) },
  { group: 'a run', name: 'by request', ask: (queries, { requestId }) => queries.findRun({ requestId }) },
  {
    group: 'a run',
    name: 'of a person in an hour',
    ask: (queries, subject) =>
      queries.findRun({ actorId: everywhere(subject).id, from: '2025-06-01T00:00:00.000Z', to: '2025-06-01T01:00:00.000Z' }),
  },
  {
    group: 'feed',
    name: 'news for three',
    ask: (queries, { head, people }) => queries.feedNews({ after: head - 100n, people: people.slice(0, 3).map(({ id }) => id) }),
  },
];

/** Everything that is asked of the read models. */
export const cases: readonly Case[] = [
  ...readersCases('all tasks', everywhere),
  ...readersCases('500 tasks', few),
  ...readersCases('an admin', admin),
  ...ofOneTask,
];

function readersCases(group: string, reader: (subject: Subject) => Reader): Case[] {
  return [...lists(group, reader), ...counts(group, reader), ...trail(group, reader)];
}

function bucketsFrom(from: string, days: number): { starts: string[]; end: string } {
  const at = (day: number) => new Date(Date.parse(from) + day * 86_400_000).toISOString();
  return { starts: Array.from({ length: days }, (_, day) => at(day)), end: at(days) };
}
