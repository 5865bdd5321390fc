import type { Task } from './task.ts';

/** What somebody may do with a task, from least to most. `admin` is told apart where it is the only ground. */
export type Permission = 'view' | 'edit' | 'owner' | 'admin';

const rank: Record<Permission, number> = { view: 1, edit: 2, owner: 3, admin: 3 };

export interface Person {
  id: string;
  isAdmin: boolean;
}

/** The person's permission on the task as it now is, deleted or not; null for a stranger. */
export function permissionOf(task: Task, person: Person): Permission | null {
  return ownPermission(task, person.id) ?? (person.isAdmin ? 'admin' : null);
}

/** The person's permission where a deleted task is absent for everyone but its owner and admins. */
export function accessTo(task: Task | null, person: Person): Permission | null {
  if (task === null) return null;
  const permission = permissionOf(task, person);
  return task.deletedAt === null || allows(permission, 'owner') ? permission : null;
}

/** Whether one permission is worth less than another; no permission is worth the least. */
export function isLess(one: Permission | null, other: Permission | null): boolean {
  return other !== null && !allows(one, other);
}

export function allows(have: Permission | null, needed: Permission): boolean {
  return have !== null && rank[have] >= rank[needed];
}

/** Whether a user has access to the task of their own: as owner, as sharee, or by an assignment that gives access. */
export function hasAccess(task: Task, userId: string): boolean {
  return ownPermission(task, userId) !== null;
}

/** The user's permission as owner or by a share: what they keep when they are not assigned. */
export function permissionUnassigned(task: Task, userId: string): Permission | null {
  return task.ownerId === userId ? 'owner' : (task.shares.get(userId)?.permission ?? null);
}

function ownPermission(task: Task, userId: string): Permission | null {
  const permission = permissionUnassigned(task, userId);
  const isEditor = task.assigneeId === userId && task.assignmentGivesAccess;
  return isEditor && permission !== 'owner' ? 'edit' : permission;
}
