import type { Status } from '../values.ts';

export const initialStatus: Status = 'todo';
export const doneStatus: Status = 'done';

/** Which statuses a task may move to, from each. In the order in which lists sort by status. */
export const workflow: Record<Status, readonly Status[]> = {
  todo: ['in_progress', 'blocked', 'done', 'cancelled'],
  in_progress: ['todo', 'in_review', 'blocked', 'done', 'cancelled'],
  in_review: ['in_progress', 'done', 'cancelled'],
  blocked: ['todo', 'in_progress', 'cancelled'],
  done: ['todo'],
  cancelled: ['todo'],
};
