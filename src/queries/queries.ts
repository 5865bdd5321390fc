import type pg from 'pg';
import { type AccountFilters, listAccounts } from './accounts/list-accounts.ts';
import { listSecurityEvents, type SecurityEventFilters } from './accounts/list-security-events.ts';
import { activityStats } from './activity/activity-stats.ts';
import { type ActivityList, exportActivity, listActivity } from './activity/list-activity.ts';
import { taskTimeline } from './activity/task-timeline.ts';
import type { PageRequest } from './page.ts';
import { readDatabase } from './read-database.ts';
import { type ReadSchemas, readTables } from './read-tables.ts';
import { listComments } from './tasks/list-comments.ts';
import { listTags, type TagList } from './tasks/list-tags.ts';
import { exportTasks, listTasks, type TaskList } from './tasks/list-tasks.ts';
import { type TaskStatsQuery, taskStats } from './tasks/task-stats.ts';

export interface QueryParts {
  /** Its users may read the read models and the accounts. */
  pool: pg.Pool;
  /** Where the read models are just now: a rebuild moves them. */
  schemas: ReadSchemas;
}

export type Queries = ReturnType<typeof createQueries>;

/** The read side, bound to a database and to the versions of the read models in it. */
export function createQueries({ pool, schemas }: QueryParts) {
  const db = readDatabase(pool);
  const tables = readTables(schemas);
  return {
    listTasks: (list: TaskList, request: PageRequest) => listTasks(db, tables, list, request),
    exportTasks: (list: TaskList, signal: AbortSignal) => exportTasks(db, tables, list, signal),
    taskStats: (query: TaskStatsQuery) => taskStats(db, tables, query),
    listTags: (list: TagList, request: PageRequest) => listTags(db, tables, list, request),
    listComments: (taskId: string, request: PageRequest) => listComments(db, tables, taskId, request),
    listActivity: (list: ActivityList, request: PageRequest) => listActivity(db, tables, list, request),
    exportActivity: (list: ActivityList, signal: AbortSignal) => exportActivity(db, tables, list, signal),
    activityStats: (actorId: string) => activityStats(db, tables, actorId),
    listAccounts: (filters: AccountFilters, request: PageRequest) => listAccounts(db, tables, filters, request),
    listSecurityEvents: (filters: SecurityEventFilters, request: PageRequest) => listSecurityEvents(db, tables, filters, request),
    taskTimeline: (taskId: string, request: PageRequest) => taskTimeline(db, tables, taskId, request),
  };
}
