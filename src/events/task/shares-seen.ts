import type { RecordedEvent } from '../recorded-event.ts';
import type { FieldChange } from './changes.ts';
import { allows, type Person, permissionOf } from './permission.ts';
import type { Task } from './task.ts';
import type { TaskEventType } from './task-events.ts';

/** A reader of a task, as far as its shares are concerned: owners and admins see all of them, others their own. */
export interface ShareReader {
  id: string;
  seesAllShares: boolean;
}

/** The types whose data says with whom a task is shared. */
export const typesWithShares = [
  'TaskShared',
  'TaskSharePermissionChanged',
  'TaskUnshared',
  'TaskTransferred',
  'TaskDeleted',
  'TaskRestored',
] as const satisfies readonly TaskEventType[];

export function shareReader(task: Task, person: Person): ShareReader {
  return { id: person.id, seesAllShares: allows(permissionOf(task, person), 'owner') };
}

/** The changes of fields without those of shares that the reader may not see. */
export function changesSeen(changes: readonly FieldChange[], reader: ShareReader): FieldChange[] {
  return changes.filter(({ field }) => isFieldSeen(field, reader));
}

/** Whether the reader may see what became of the field, which may be a share. */
export function isFieldSeen(field: string, { id, seesAllShares }: ShareReader): boolean {
  return seesAllShares || !field.startsWith('shares.') || field === `shares.${id}`;
}

/** The data of an event with null for what it says of shares that the reader may not see, and the JSON pointers of these members. */
export function dataSeen(event: RecordedEvent, { id, seesAllShares }: ShareReader): { data: Record<string, unknown>; hidden: string[] } {
  if (seesAllShares) return { data: event.data, hidden: [] };
  switch (event.type) {
    case 'TaskShared':
    case 'TaskSharePermissionChanged':
    case 'TaskUnshared':
      if (event.data.user_id === id) break;
      return { data: { ...event.data, user_id: null, permission: null }, hidden: ['/user_id', '/permission'] };
    case 'TaskTransferred':
      // Hidden where the former owner kept nothing too: otherwise the pointer would tell.
      if (event.data.owner_id.from === id) break;
      return { data: { ...event.data, kept: null }, hidden: ['/kept'] };
    case 'TaskDeleted':
      return { data: { ...event.data, last: { ...event.data.last, sharee_ids: null } }, hidden: ['/last/sharee_ids'] };
    case 'TaskRestored':
      return { data: { ...event.data, restored: { ...event.data.restored, sharee_ids: null } }, hidden: ['/restored/sharee_ids'] };
  }
  return { data: event.data, hidden: [] };
}
