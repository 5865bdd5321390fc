import { sql } from 'kysely';
import type { AsOf } from '../history/as-of.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { allItems, type PagedList, readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import { keptTotal } from './kept-total.ts';
import { filterConditions, type TaskFilters } from './task-filters.ts';
import { taskItem, taskJoins } from './task-item.ts';
import { type Reader, requireScope, type TaskScope, taskSource } from './task-scope.ts';
import { searched } from './task-search.ts';
import { sortExpression, type TaskSort } from './task-sort.ts';

/** Which tasks, for whom, and in which order. */
export interface TaskList {
  reader: Reader;
  /** The reader's date, `YYYY-MM-DD`: what is overdue depends on it. */
  today: string;
  scope: TaskScope;
  filters: TaskFilters;
  sort: TaskSort;
  /** As it was then; as it is, when left out. */
  asOf?: AsOf | undefined;
}

/** A part of a list of tasks, as the API shows them, in one statement. @throws Rejection ADMIN_ONLY, INVALID_CURSOR */
export function listTasks(db: ReadDatabase, tables: ReadTables, list: TaskList, request: PageRequest): Promise<Page> {
  return readPage(db, pagedTasks(tables, list), request);
}

/** All tasks of a list, each as JSON, in batches. @throws Rejection ADMIN_ONLY */
export async function* exportTasks(db: ReadDatabase, tables: ReadTables, list: TaskList, signal: AbortSignal): AsyncGenerator<string[]> {
  for await (const rows of db.batches(allItems(pagedTasks(tables, list)), signal)) yield rows.map(({ item }) => item);
}

function pagedTasks(tables: ReadTables, list: TaskList): PagedList {
  const { reader, today, scope, filters, sort, asOf } = list;
  requireScope(scope, reader);
  const { by, descending } = sort;
  const order = filters.search === undefined && (by === 'created_at' || by === 'id') ? { by, descending } : undefined;
  const listed = taskSource(tables, { scope, reader, deleted: filters.deleted === true, asOf, order });
  const source = filters.search === undefined ? listed : searched(listed, filters.search, tables);
  const { onSource, onLastChange, onTask } = filterConditions(filters, { tables, source, reader, today });
  const { key, keyType, id, ofTask, join } = sortExpression(sort, source, tables, filters.search);
  const conditions = [...onSource, ...onLastChange, ...onTask];
  const from = (byKey: boolean) => {
    const joined = new Set([byKey && join, onLastChange.length > 0 && source.ordered?.lastChanges]);
    const joins = sql.join([...joined].filter(Boolean), sql` `);
    return sql`${source.from((byKey && ofTask) || onTask.length > 0)} ${joins} where ${sql.join([...source.conditions, ...conditions], sql` and `)}`;
  };
  // An index in the list's order finds a page long before all rows are found. Without one they are all found first, and found once.
  // Of tags and words there is another index, and how rare they are is guessed.
  const isIndexed = !ofTask && [filters.search, filters.tags, filters.tagsAny].every((filter) => filter === undefined);
  const counted = sql`select count(*) from ${from(false)}`;
  return {
    // A cursor compares key and id in one.
    matching: sql`select ${id} as id, ${key} as key from ${from(true)}`,
    descending,
    keyType,
    idType: keyTypes.uuid,
    item: taskItem(asOf),
    joins: taskJoins(tables, reader, today, asOf),
    total: keptTotal(tables, { ...list, onTask, counted }) ?? (isIndexed ? counted : undefined),
    // Whether to walk an index or to sort what the reader has depends on how much that is: not a plan for everybody.
    prepared: order !== undefined && conditions.length === 0,
    list: ['tasks', scope, filters, sort, asOf ?? null],
  };
}
