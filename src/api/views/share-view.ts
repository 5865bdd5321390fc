import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import { visibleShares } from '../../commands/task/share-task.ts';
import type { Share, Task } from '../../events/task/task.ts';
import { Id, SharePermission, Time } from '../../events/values.ts';
import { type People, PersonView, personIn } from './person-view.ts';

export const ShareView = z
  .strictObject({
    task_id: Id,
    user: PersonView,
    permission: SharePermission,
    shared_at: Time,
    shared_by: PersonView,
  })
  .meta({ id: 'Share', description: 'Access to a task that its owner gave to somebody.' });
export type ShareView = z.output<typeof ShareView>;

export function shareView(taskId: string, userId: string, share: Share, people: People): ShareView {
  return {
    task_id: taskId,
    user: personIn(people, userId),
    permission: share.permission,
    shared_at: share.sharedAt,
    shared_by: personIn(people, share.sharedBy),
  };
}

/** The shares of a task that somebody may see, the oldest first. */
export async function shareViews(task: Task, caller: Caller, people: (ids: readonly string[]) => Promise<People>): Promise<ShareView[]> {
  const shares = visibleShares(task, caller);
  const named = await people([...new Set(shares.flatMap(([userId, { sharedBy }]) => [userId, sharedBy]))]);
  return shares.map(([userId, share]) => shareView(task.id, userId, share, named));
}
