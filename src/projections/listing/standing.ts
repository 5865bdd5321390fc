import { doneStatus } from '../../events/task/workflow.ts';
import { type AccessRow, ASSIGNED, type CounterRow, EVERYONE, OWNED, SHARED, type TaskRow } from './schema.ts';

/** Who has access to a task, and how. Nobody to a deleted one: it is in no listing and no count. */
export function accessRows(row: TaskRow | undefined): AccessRow[] {
  if (row === undefined || row.deleted_at !== null) return [];
  const editor = row.gives_access ? row.assignee_id : null;
  const people = new Set([row.owner_id, ...(editor === null ? [] : [editor]), ...Object.keys(row.shares)]);
  return [...people].map((user_id) => {
    const share = row.shares[user_id];
    const owned = user_id === row.owner_id;
    const assigned = user_id === row.assignee_id;
    return {
      user_id,
      task_id: row.id,
      mask: (owned ? OWNED : 0) | (assigned ? ASSIGNED : 0) | (share ? SHARED : 0),
      permission: owned ? 'owner' : user_id === editor ? 'edit' : share!,
      created_at: row.created_at,
    };
  });
}

/** What a task adds to the counts of everybody who has access, and of all. */
export function counts(row: TaskRow | undefined): CounterRow[] {
  if (row === undefined || row.deleted_at !== null) return [];
  const facets = facetsOf(row);
  const holders = [{ user_id: EVERYONE, mask: 0 }, ...accessRows(row)];
  return holders.flatMap(({ user_id, mask }) =>
    [...facets, ...commentFacets(row, user_id)].map(({ facet, key, n }) => ({ user_id, mask, facet, key, n })),
  );
}

/** Of a person, how many comments of their own stand; of all people, how many of each. */
function commentFacets({ comments_by_author: byAuthor }: TaskRow, userId: string): Facet[] {
  const facet = 'comments' as const;
  if (userId === EVERYONE) return Object.entries(byAuthor).map(([key, n]) => ({ facet, key, n }));
  return byAuthor[userId] === undefined ? [] : [{ facet, key: '', n: byAuthor[userId] }];
}

type Facet = Pick<CounterRow, 'facet' | 'key' | 'n'>;

function facetsOf(row: TaskRow): Facet[] {
  const done = row.status === doneStatus;
  const open = !done && row.status !== 'cancelled';
  const shared = Object.keys(row.shares).length > 0 ? 1 : 0;
  return [
    { facet: 'state', key: `${row.status}/${row.priority}/${shared}/${row.assignee_id === null ? 0 : 1}`, n: 1 },
    { facet: 'created', key: row.created_at.slice(0, 10), n: 1 },
    ...row.tags.map((key) => ({ facet: 'tag' as const, key, n: 1 })),
    ...(done ? row.tags.map((key) => ({ facet: 'tag_done' as const, key, n: 1 })) : []),
    ...(open && row.due_date !== null ? [{ facet: 'due' as const, key: row.due_date, n: 1 }] : []),
    ...(row.completed_at === null ? [] : [{ facet: 'completed' as const, key: row.completed_at.slice(0, 10), n: 1 }]),
  ];
}
