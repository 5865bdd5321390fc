import type { Weakening } from '../weakenings.ts';

/** What keeps one task, or one person's files, from growing into everybody's way. */
export const growth: readonly Weakening[] = [
  {
    name: 'entries of tasks are shared',
    file: 'events/task/task.ts',
    from: 'return PersistentMap.of(map).with(key, value);',
    to: 'return WITHOUT ? new Map(map).set(key, value) : PersistentMap.of(map).with(key, value);',
  },
  {
    name: 'long work is done in turns',
    file: 'platform/slices.ts',
    from: 'if (at > 0) await nextTurn();',
    to: 'if (at > 0 && !WITHOUT) await nextTurn();',
  },
  {
    name: 'uploads reserve their space',
    file: 'commands/storage-quota.ts',
    from: 'if (used + bytes > maxBytes) throw',
    to: 'if (used + bytes > maxBytes && !WITHOUT) throw',
  },
  {
    name: 'reservations are made one after the other',
    file: 'commands/storage-quota.ts',
    from: 'const others = rows.map(',
    to: 'const others = (WITHOUT ? [] : rows).map(',
  },
  {
    name: 'data is closed to others',
    file: 'platform/data-directory.ts',
    from: 'if ((found.mode & OTHERS) === 0 ||',
    to: 'if (WITHOUT || (found.mode & OTHERS) === 0 ||',
  },
];
