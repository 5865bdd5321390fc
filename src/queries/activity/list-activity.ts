import { sql } from 'kysely';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { allItems, type PagedList, readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Reader } from '../tasks/task-scope.ts';
import { type ActivityFilters, type ActorFilter, activityConditions } from './activity-filters.ts';
import { activityItem, activityJoins, completed, completedOne } from './activity-item.ts';

export interface ActivityList {
  /** Whose doing is listed. Whether the reader may see it is for the caller to know. */
  actor: ActorFilter;
  reader: Reader;
  filters: ActivityFilters;
}

/** What somebody did, newest first. @throws Rejection INVALID_CURSOR */
export async function listActivity(db: ReadDatabase, tables: ReadTables, list: ActivityList, request: PageRequest): Promise<Page> {
  return completed(await readPage(db, pagedActivity(tables, list), request), list.reader);
}

/** All of it, each as JSON, in batches. */
export async function* exportActivity(
  db: ReadDatabase,
  tables: ReadTables,
  list: ActivityList,
  signal: AbortSignal,
): AsyncGenerator<string[]> {
  for await (const rows of db.batches(allItems(pagedActivity(tables, list)), signal)) {
    yield rows.map(({ item }) => completedOne(item, list.reader));
  }
}

export function pagedActivity(tables: ReadTables, { actor, reader, filters }: ActivityList): PagedList {
  const where = sql`${tables.activity} y where ${sql.join(activityConditions(filters, actor, tables), sql` and `)}`;
  return {
    matching: sql`select y.position as id, y.position as key from ${where}`,
    descending: true,
    keyType: keyTypes.position,
    idType: keyTypes.position,
    item: activityItem,
    joins: activityJoins(tables, reader),
    total: sql`select count(*) from ${where}`,
    list: ['activity', actor, filters],
  };
}
