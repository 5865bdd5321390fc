import type { Weakening } from '../weakenings.ts';

/** What keeps one user from using up what is everyone's. */
export const limits: readonly Weakening[] = [
  {
    name: 'mails that one user causes are counted',
    file: 'subscribers/notifications.ts',
    from: 'await withinMailLimits(sql, mails)',
    to: 'WITHOUT ? mails : await withinMailLimits(sql, mails)',
  },
  {
    name: 'jobs are taken in turn',
    file: 'platform/jobs/enqueue.ts',
    from: 'priority: share ? -unfinished : 0',
    to: 'priority: share && !WITHOUT ? -unfinished : 0',
  },
];
