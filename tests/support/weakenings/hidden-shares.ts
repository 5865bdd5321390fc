import type { Weakening } from '../weakenings.ts';

/** Each place that keeps the shares of a task from readers who may not see them. */
export const hiddenShares: readonly Weakening[] = [
  {
    name: 'timelines hide shares',
    file: 'queries/activity/activity-item.ts',
    from: 'if (reader.seesAllShares) return details;',
    to: 'if (reader.seesAllShares || WITHOUT) return details;',
  },
  {
    name: 'replays hide shares',
    file: 'api/views/replay-view.ts',
    from: "seesAllShares: allows(seen.permission, 'owner')",
    to: "seesAllShares: WITHOUT || allows(seen.permission, 'owner')",
  },
  {
    name: 'differences between revisions hide shares',
    file: 'api/routes/replay.ts',
    from: 'changesSeen(net.total(), shareReader(task, caller))',
    to: '(WITHOUT ? net.total() : changesSeen(net.total(), shareReader(task, caller)))',
  },
  {
    name: 'differences between moments hide shares',
    file: 'queries/history/task-changes.ts',
    from: 'seesAllShares: reader.isAdmin ||',
    to: 'seesAllShares: WITHOUT || reader.isAdmin ||',
  },
  {
    name: 'conflicts hide shares',
    file: 'api/revision-mismatch.ts',
    from: 'changesSeen(fieldChanges(event), reader)',
    to: '(WITHOUT ? fieldChanges(event) : changesSeen(fieldChanges(event), reader))',
  },
  {
    name: 'events hide shares',
    file: 'subscribers/event-seen.ts',
    from: 'seesAllShares: row.sees_all_shares',
    to: 'seesAllShares: WITHOUT || row.sees_all_shares',
  },
];
