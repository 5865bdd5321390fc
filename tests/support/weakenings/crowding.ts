import type { Weakening } from '../weakenings.ts';

const fairReads = 'platform/postgres/fair-reads.ts';

/** What keeps one user from taking what all need. */
export const crowding: readonly Weakening[] = [
  {
    name: 'a user has so many reads',
    file: fairReads,
    from: 'const giveBack = await places.take(placesOf(requester), requester.signal)',
    to: 'const giveBack = WITHOUT ? () => {} : await places.take(placesOf(requester), requester.signal)',
  },
  {
    name: 'streams are read in places',
    file: 'api/task-reads.ts',
    from: 'reads.inPlace(requester, work);',
    to: '(WITHOUT ? work() : reads.inPlace(requester, work));',
  },
  {
    name: 'reads end when their client leaves',
    file: fairReads,
    from: "signal.addEventListener('abort', cancel, { once: true });",
    to: "if (!WITHOUT) signal.addEventListener('abort', cancel, { once: true });",
  },
  {
    name: 'the undo of a run waits for the log',
    file: 'api/routes/undo.ts',
    from: "await freshness.requireCurrent(['activity']);",
    to: "if (!WITHOUT) await freshness.requireCurrent(['activity']);",
  },
  {
    name: 'the job of an undo waits for the log',
    file: 'api/undo-job.ts',
    from: 'await untilCurrent(signal);',
    to: 'if (!WITHOUT) await untilCurrent(signal);',
  },
  {
    name: 'what is known is forgotten with the connection',
    file: 'projections/progress.ts',
    from: '    forget() {',
    to: '    forget() {\n      if (WITHOUT) return;',
  },
  {
    name: 'a client that reads nothing is disconnected',
    file: 'api/server.ts',
    from: 'const isStalled = socket.writableLength > 0;',
    to: 'const isStalled = !WITHOUT && socket.writableLength > 0;',
  },
  {
    // Lets a test see in a second what takes half a minute.
    name: 'clients have half a minute to read',
    file: 'api/server.ts',
    from: 'stall: 30_000 }',
    to: 'stall: WITHOUT ? 1_000 : 30_000 }',
  },
  {
    // Looked at when the service starts.
    name: 'reads have connections of their own',
    file: 'platform/postgres/pools.ts',
    from: "accounts: pool('accounts'),",
    to: "get accounts() { return WITHOUT ? this.reads : (this.own ??= pool('accounts')); },",
  },
];
