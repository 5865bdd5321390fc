import { type RawBuilder, sql } from 'kysely';
import { sortKeys } from '../../projections/listing/schema.ts';
import { type KeyType, keyTypes } from '../key-type.ts';
import type { ReadTables } from '../read-tables.ts';
import type { Source } from './task-scope.ts';
import { relevance } from './task-search.ts';

export const taskSortKeys = [
  'created_at',
  'updated_at',
  'due_date',
  'priority',
  'status',
  'title',
  'completed',
  'id',
  'relevance',
] as const;
export type TaskSortKey = (typeof taskSortKeys)[number];

/** Ties go by id, in the same direction. */
export interface TaskSort {
  by: TaskSortKey;
  descending: boolean;
}

export interface SortExpression {
  key: RawBuilder<unknown>;
  keyType: KeyType;
  /** The id beside the key: an index has both of the same table. */
  id: RawBuilder<unknown>;
  /** Whether it is made from the task's row `t`. */
  ofTask: boolean;
  /** What must be joined to the source instead. */
  join?: RawBuilder<unknown>;
}

/** What rows are sorted by. Nothing in it is ever null. */
export function sortExpression({ by, descending }: TaskSort, source: Source, tables: ReadTables, search = ''): SortExpression {
  const { ordered } = source;
  const ofTask = (key: RawBuilder<unknown>, keyType: KeyType): SortExpression => ({ key, keyType, id: sql`t.id`, ofTask: true });
  const ofState = (key: (table: string) => string, keyType: KeyType): SortExpression =>
    ordered
      ? { key: sql.raw(key('s.')), keyType, id: sql`s.task_id`, ofTask: false, join: ordered.states }
      : ofTask(sql.raw(key('t.')), keyType);
  switch (by) {
    case 'created_at':
      return { key: source.createdAt, keyType: keyTypes.time, id: source.id, ofTask: false };
    case 'id':
      return { key: source.id, keyType: keyTypes.uuid, id: source.id, ofTask: false };
    case 'updated_at':
      return ordered
        ? { key: sql`u.updated_at`, keyType: keyTypes.time, id: sql`u.task_id`, ofTask: false, join: ordered.lastChanges }
        : ofTask(sql`t.updated_at`, keyTypes.time);
    case 'due_date':
      return ofTask(sql.raw(descending ? sortKeys.dueLast('t.') : sortKeys.dueFirst('t.')), keyTypes.date);
    case 'priority':
      return ofTask(sql.raw(sortKeys.priority('t.')), keyTypes.integer);
    case 'status':
      return ofState(sortKeys.status, keyTypes.integer);
    case 'title':
      return ofTask(sql.raw(sortKeys.title('t.')), keyTypes.text);
    case 'completed':
      return ofState(sortKeys.completed, keyTypes.boolean);
    case 'relevance':
      return ofTask(relevance(search, source, tables), keyTypes.real);
  }
}
