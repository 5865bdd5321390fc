import type pg from 'pg';
import type { Position } from '../events/store/event-store.ts';
import type { Requester } from '../platform/postgres/fair-reads.ts';
import { erasuresInLog } from './accounts/erasures-in-log.ts';
import { exportAccount } from './accounts/export-account.ts';
import { type AccountFilters, listAccounts } from './accounts/list-accounts.ts';
import { listPeople, type PeopleList } from './accounts/list-people.ts';
import { listSecurityEvents, type SecurityEventFilters } from './accounts/list-security-events.ts';
import { activityStats, type TimezoneOffsets } from './activity/activity-stats.ts';
import { findRun, type RunMarks } from './activity/find-run.ts';
import { type ActivityList, exportActivity, listActivity } from './activity/list-activity.ts';
import { taskTimeline } from './activity/task-timeline.ts';
import { feedNews, type NewsQuery } from './feed/feed-news.ts';
import { type FeedQuery, type FeedReader, readFeed } from './feed/read-feed.ts';
import { seenEvent } from './feed/seen-event.ts';
import { tasksAsLeft } from './feed/tasks-as-left.ts';
import { type FlowQuery, flowStats } from './history/flow-stats.ts';
import { type ChangesQuery, listTaskChanges } from './history/task-changes.ts';
import { dueTasks } from './notifications/due-tasks.ts';
import { listNotifications, type NotificationList } from './notifications/list-notifications.ts';
import type { PageRequest } from './page.ts';
import { type ReadDatabase, type RequestReads, readDatabase, requestReadDatabases } from './read-database.ts';
import { type ReadSchemas, type ReadTables, readTables } from './read-tables.ts';
import { type DeadLetterList, findDeadLetter, listDeadLetters } from './subscribers/list-dead-letters.ts';
import { taskOfFile, tasksWithDueFiles, wantedFiles } from './tasks/find-files.ts';
import { knownTask } from './tasks/known-revision.ts';
import { listComments } from './tasks/list-comments.ts';
import { listFiles } from './tasks/list-files.ts';
import { listTags, type TagList } from './tasks/list-tags.ts';
import { exportTasks, listTasks, type TaskList } from './tasks/list-tasks.ts';
import type { Reader } from './tasks/task-scope.ts';
import { type TaskStatsQuery, taskStats } from './tasks/task-stats.ts';
import { tasksConcerning } from './tasks/tasks-concerning.ts';
import { type DeliveryList, findDelivery, listDeliveries } from './webhooks/list-deliveries.ts';

export interface QueryParts {
  /** Its users may read the read models and the accounts. */
  pool: pg.Pool;
  /** Where the read models are just now: a rebuild moves them. */
  schemas: ReadSchemas;
}

export type Queries = ReturnType<typeof queriesOn>;

/**
 * The queries of one requester, whose reads are limited and end when the client disconnects. A route has no other: it reads
 * on behalf of one requester.
 */
export type QueriesFor<Name extends keyof Queries = keyof Queries> = (requester: Requester) => Pick<Queries, Name>;

/** The read side, for what no request waits for. */
export function createQueries({ pool, schemas }: QueryParts): Queries {
  return queriesOn(readDatabase(pool), readTables(schemas));
}

/** The read side, for requests. */
export function createRequestQueries({ schemas, ...parts }: RequestReads & Pick<QueryParts, 'schemas'>): QueriesFor {
  const databaseFor = requestReadDatabases(parts);
  const tables = readTables(schemas);
  return (requester) => queriesOn(databaseFor(requester), tables);
}

/** Bound to a database and to the versions of the read models in it. */
function queriesOn(db: ReadDatabase, tables: ReadTables) {
  return {
    listTasks: (list: TaskList, request: PageRequest) => listTasks(db, tables, list, request),
    exportTasks: (list: TaskList, signal: AbortSignal) => exportTasks(db, tables, list, signal),
    taskStats: (query: TaskStatsQuery) => taskStats(db, tables, query),
    listTags: (list: TagList, request: PageRequest) => listTags(db, tables, list, request),
    listComments: (taskId: string, request: PageRequest) => listComments(db, tables, taskId, request),
    listFiles: (taskId: string, request: PageRequest) => listFiles(db, tables, taskId, request),
    taskOfFile: (fileId: string) => taskOfFile(db, tables, fileId),
    tasksWithDueFiles: (deletedBy: string) => tasksWithDueFiles(db, tables, deletedBy),
    wantedFiles: (fileIds: readonly string[]) => wantedFiles(db, tables, fileIds),
    listActivity: (list: ActivityList, request: PageRequest) => listActivity(db, tables, list, request),
    exportActivity: (list: ActivityList, signal: AbortSignal) => exportActivity(db, tables, list, signal),
    findRun: (marks: RunMarks) => findRun(db, tables, marks),
    activityStats: (actorId: string, offsets: TimezoneOffsets) => activityStats(db, tables, actorId, offsets),
    listAccounts: (filters: AccountFilters, request: PageRequest) => listAccounts(db, tables, filters, request),
    knownTask: (taskId: string) => knownTask(db, tables, taskId),
    listPeople: (list: PeopleList, request: PageRequest) => listPeople(db, tables, list, request),
    tasksConcerning: (userId: string) => tasksConcerning(db, tables, userId),
    erasuresInLog: () => erasuresInLog(db, tables),
    exportAccount: (userId: string, signal: AbortSignal) => exportAccount(db, tables, userId, signal),
    listSecurityEvents: (filters: SecurityEventFilters, request: PageRequest) => listSecurityEvents(db, tables, filters, request),
    listNotifications: (list: NotificationList, request: PageRequest) => listNotifications(db, tables, list, request),
    dueTasks: (people: readonly { userId: string; day: string }[]) => dueTasks(db, tables, people),
    listTaskChanges: (query: ChangesQuery, request: PageRequest) => listTaskChanges(db, tables, query, request),
    flowStats: (query: FlowQuery) => flowStats(db, tables, query),
    readFeed: (query: FeedQuery) => readFeed(db, tables, query),
    feedNews: (query: NewsQuery) => feedNews(db, tables, query),
    listDeadLetters: (list: DeadLetterList, request: PageRequest) => listDeadLetters(db, tables, list, request),
    findDeadLetter: (id: string) => findDeadLetter(db, tables, id),
    tasksAsLeft: (positions: readonly Position[]) => tasksAsLeft(db, tables, positions),
    seenEvent: (reader: FeedReader, position: Position) => seenEvent(db, tables, reader, position),
    listDeliveries: (list: DeliveryList, request: PageRequest) => listDeliveries(db, tables, list, request),
    findDelivery: (id: string) => findDelivery(db, tables, id),
    taskTimeline: (taskId: string, reader: Reader, request: PageRequest) => taskTimeline(db, tables, taskId, reader, request),
  };
}
