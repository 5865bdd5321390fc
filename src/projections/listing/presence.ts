import type { RecordedEvent } from '../../events/recorded-event.ts';
import { writeRows } from '../projection.ts';
import type { ProjectionClient } from '../projection-client.ts';
import type { PresenceRow, TaskRow } from './schema.ts';

/** What the events change of which tasks there are. A deletion for good of what was deleted already changes nothing. */
export function presenceChanges(
  before: ReadonlyMap<string, TaskRow>,
  byTask: ReadonlyMap<string, readonly RecordedEvent[]>,
): PresenceRow[] {
  const rows: PresenceRow[] = [];
  for (const [task_id, events] of byTask) {
    const old = before.get(task_id);
    let isThere = old !== undefined && old.deleted_at === null;
    let created_at = old?.created_at;
    for (const { type, revision, position, metadata } of events) {
      if (revision <= (old?.revision ?? -1)) continue;
      created_at ??= metadata.occurred_at;
      const wasThere = isThere;
      if (type === 'TaskCreated' || type === 'TaskRestored') isThere = true;
      else if (type === 'TaskDeleted') isThere = false;
      if (isThere !== wasThere) rows.push({ position: position.toString(), task_id, created_at, delta: isThere ? 1 : -1 });
    }
  }
  return rows;
}

export async function writePresence(client: ProjectionClient, changes: readonly PresenceRow[]): Promise<void> {
  await writeRows(client, 'presence', ['position', 'task_id', 'created_at', 'delta'], changes, '');
}
