import type { Weakening } from '../weakenings.ts';

/** What keeps one user from being all of a queue. */
export const queues: readonly Weakening[] = [
  {
    name: 'passwords are checked in turn',
    file: 'accounts/password-hasher.ts',
    from: 'this.#waiting.add(of, job);',
    to: "this.#waiting.add(WITHOUT ? 'all' : of, job);",
  },
  {
    name: 'pages of the feed are read in turn',
    file: 'subscribers/turns.ts',
    from: 'void waiting.add(key, resolve)',
    to: "void waiting.add(WITHOUT ? 'all' : key, resolve)",
  },
  {
    name: 'mails are sent in turn',
    file: 'platform/mail/outbox-table.ts',
    from: 'partition by coalesce(caused_by, user_id)',
    to: `partition by \${WITHOUT ? 'true' : 'coalesce(caused_by, user_id)'}`,
  },
];
