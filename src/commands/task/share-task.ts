import type { RecordedTaskEvent } from '../../events/recorded-event.ts';
import { shareReader } from '../../events/task/shares-seen.ts';
import type { Share, Task } from '../../events/task/task.ts';
import { limits, type SharePermission } from '../../events/values.ts';
import { Rejection } from '../../rejection.ts';
import { endBareAssignment, requireKnown, type Someone } from './assign-task.ts';
import { inSequence, onTask, requirePermission, requireRoom } from './task-command.ts';

/** Gives somebody access to the task. */
export const shareTask = onTask<{ person: Someone; permission: SharePermission }>({
  needs: 'owner',
  decide(task, { person, permission }, { actor }) {
    requireKnown(person);
    if (person.id === actor.id) throw new Rejection('CANNOT_SHARE_WITH_SELF', 'A task cannot be shared with oneself');
    if (person.id === task.ownerId) throw new Rejection('ALREADY_OWNER', 'The task is theirs already');
    if (task.shares.has(person.id)) throw new Rejection('ALREADY_SHARED', 'The task is shared with them already');
    requireRoom(task.shares.size, limits.maxShares, 'shares');
    return [{ type: 'TaskShared', data: { user_id: person.id, permission } }];
  },
});

export const changeShare = onTask<{ userId: string; permission: SharePermission }>({
  needs: 'owner',
  decide(task, { userId, permission: to }) {
    const { permission: from } = requireShare(task, userId);
    return to === from ? [] : [{ type: 'TaskSharePermissionChanged', data: { user_id: userId, permission: { from, to } } }];
  },
});

/**
 * Takes a share away: the owner anyone's, every sharee their own. An assignee keeps the access that the assignment gives; an assignment that
 * gives none ends with the last other access.
 */
export const unshareTask = onTask<{ userId: string }>({
  needs: 'owner',
  allow(task, { userId }, { actor }) {
    if (userId !== actor.id) requirePermission(task, actor, 'owner');
  },
  recall: (events) => ({ userId: shareeIn(events)! }),
  decide(task, { userId }, context) {
    const { permission } = requireShare(task, userId);
    const reason = userId === context.actor.id ? 'left' : 'revoked';
    return inSequence(task, context, [() => [{ type: 'TaskUnshared', data: { user_id: userId, permission, reason } }], endBareAssignment]);
  },
});

/** Gives the task to another owner. The former owner keeps a share, or nothing; then also no assignment that gives no access. */
export const transferTask = onTask<{ newOwner: Someone; keep: SharePermission | null }>({
  needs: 'owner',
  decide(task, { newOwner, keep }, context) {
    if (newOwner.id === task.ownerId) return [];
    requireKnown(newOwner);
    const share = task.shares.get(newOwner.id);
    return inSequence(task, context, [
      () => (share ? [{ type: 'TaskUnshared', data: { user_id: newOwner.id, permission: share.permission, reason: 'transferred' } }] : []),
      () => [{ type: 'TaskTransferred', data: { owner_id: { from: task.ownerId, to: newOwner.id }, kept: keep, reason: 'command' } }],
      endBareAssignment,
    ]);
  },
});

/** Whose share these events gave, changed or took away. */
export function shareeIn(events: readonly RecordedTaskEvent[]): string | undefined {
  for (const { type, data } of events) {
    if (type === 'TaskShared' || type === 'TaskSharePermissionChanged' || type === 'TaskUnshared') return data.user_id;
  }
  return undefined;
}

/** The shares that somebody may see: owners and admins all of them, others their own. */
export function visibleShares(task: Task, person: { id: string; isAdmin: boolean }): [userId: string, Share][] {
  const { id, seesAllShares } = shareReader(task, person);
  return [...task.shares].filter(([userId]) => seesAllShares || userId === id);
}

function requireShare(task: Task, userId: string): Share {
  const share = task.shares.get(userId);
  if (!share) throw new Rejection('SHARE_NOT_FOUND', 'The task is not shared with them');
  return share;
}
