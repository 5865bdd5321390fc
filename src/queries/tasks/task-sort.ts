import { type RawBuilder, sql } from 'kysely';
import { doneStatus } from '../../events/task/workflow.ts';
import { statuses } from '../../events/values.ts';
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
  /** Whether it is made from the task's row `t`. */
  ofTask: boolean;
}

/** What rows are sorted by. Nothing in it is ever null. */
export function sortExpression({ by, descending }: TaskSort, source: Source, tables: ReadTables, search = ''): SortExpression {
  const ofTask = (key: RawBuilder<unknown>, keyType: KeyType): SortExpression => ({ key, keyType, ofTask: true });
  switch (by) {
    case 'created_at':
      return { key: source.createdAt, keyType: keyTypes.time, ofTask: false };
    case 'id':
      return { key: source.id, keyType: keyTypes.uuid, ofTask: false };
    case 'updated_at':
      return ofTask(sql`t.updated_at`, keyTypes.time);
    case 'due_date':
      return ofTask(sql.raw(descending ? sortKeys.dueLast('t.') : sortKeys.dueFirst('t.')), keyTypes.date);
    case 'priority':
      return ofTask(sql.raw(sortKeys.priority('t.')), keyTypes.integer);
    case 'status':
      return ofTask(sql`array_position(array[${sql.join(statuses.map((status) => sql.lit(status)))}], t.status)`, keyTypes.integer);
    case 'title':
      return ofTask(sql.raw(sortKeys.title('t.')), keyTypes.text);
    case 'completed':
      return ofTask(sql`(t.status = ${sql.lit(doneStatus)})`, keyTypes.boolean);
    case 'relevance':
      return ofTask(relevance(search, source, tables), keyTypes.real);
  }
}
