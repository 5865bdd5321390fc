import { priorities, statuses } from '../../src/events/values.ts';
import { ASSIGNED, type CommentRow, OWNED, SHARED, type TaskRow } from '../../src/projections/listing/schema.ts';
import { accessRows } from '../../src/projections/listing/standing.ts';
import type { TaskList } from '../../src/queries/tasks/list-tasks.ts';
import type { PersonFilter, Range } from '../../src/queries/tasks/task-filters.ts';
import { isFoundIn } from './expected-search.ts';
import { people } from './given-tasks.ts';

/** Unicode's root collation, without case. */
const alphabet = new Intl.Collator('und', { sensitivity: 'accent' });

/** What a list must be, worked out in plain TypeScript from all rows. Relevance is not: such lists are expected in no order. */
export function expectedList(rows: readonly TaskRow[], comments: readonly CommentRow[], list: TaskList): TaskRow[] {
  const found = rows.filter((row) => isInScope(row, list) && passes(row, comments, list));
  const direction = list.sort.descending ? -1 : 1;
  return found.sort((a, b) => {
    if (list.sort.by === 'due_date' && (a.due_date === null) !== (b.due_date === null)) return a.due_date === null ? 1 : -1;
    const order = list.sort.by === 'title' ? alphabet.compare(a.title, b.title) : compare(sortKey(a, list), sortKey(b, list));
    return direction * (order || compare(a.id, b.id));
  });
}

function isInScope(row: TaskRow, { scope, reader, filters }: TaskList): boolean {
  if ((row.deleted_at !== null) !== (filters.deleted === true)) return false;
  if (scope === 'everyone') return true;
  if (filters.deleted && row.owner_id !== reader.id) return false;
  const mask = accessRows({ ...row, deleted_at: null }).find(({ user_id }) => user_id === reader.id)?.mask ?? 0;
  const wanted = { owned: OWNED, assigned: ASSIGNED, shared: SHARED, all: OWNED | ASSIGNED | SHARED }[scope];
  return (mask & wanted) !== 0;
}

function passes(row: TaskRow, comments: readonly CommentRow[], { filters, reader, today }: TaskList): boolean {
  const overdue = row.due_date !== null && row.due_date < today && row.status !== 'done' && row.status !== 'cancelled';
  const is = (id: string | null, who: PersonFilter | 'none') => {
    if (who === 'none') return id === null;
    return id === (who === 'me' ? reader.id : 'id' in who ? who.id : people.find(({ username }) => username === who.username)?.id);
  };
  const checks: boolean[] = [
    filters.status?.includes(row.status) ?? true,
    filters.priority?.includes(row.priority) ?? true,
    filters.tags?.every((tag) => row.tags.includes(tag)) ?? true,
    filters.tagsAny?.some((tag) => row.tags.includes(tag)) ?? true,
    filters.completed === undefined || filters.completed === (row.status === 'done'),
    filters.overdue === undefined || filters.overdue === overdue,
    filters.owner === undefined || is(row.owner_id, filters.owner),
    filters.assignee === undefined || is(row.assignee_id, filters.assignee),
    isWithin(row.due_date, filters.due),
    isWithin(row.created_at, filters.created),
    isWithin(row.updated_at, filters.updated),
    filters.search === undefined || isFound(row, comments, filters.search),
  ];
  return checks.every(Boolean);
}

function isWithin(value: string | null, range: Range | undefined): boolean {
  if (range?.after === undefined && range?.before === undefined) return true;
  return value !== null && value >= (range.after ?? '') && value <= (range.before ?? '\uffff');
}

function isFound(row: TaskRow, comments: readonly CommentRow[], search: string): boolean {
  const said = comments.filter(({ task_id, standing }) => task_id === row.id && standing).map(({ content }) => content);
  return isFoundIn([row.title, row.tags.join(' '), row.description, ...said], search);
}

function sortKey(row: TaskRow, { sort }: TaskList): string | number {
  switch (sort.by) {
    case 'priority':
      return priorities.indexOf(row.priority);
    case 'status':
      return statuses.indexOf(row.status);
    case 'completed':
      return row.status === 'done' ? 1 : 0;
    case 'due_date':
      return row.due_date ?? '';
    case 'relevance':
      return 0;
    default:
      return row[sort.by];
  }
}

/** By code points, as PostgreSQL compares under "C". */
function compare(a: string | number, b: string | number): number {
  if (typeof a === 'number' || typeof b === 'number') return Number(a) - Number(b);
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
