import { subjectId } from '../events/recorded-event.ts';
import type { StoredEvent } from '../events/store/event-store.ts';
import { evolve, type Task } from '../events/task/task.ts';
import { upcast } from '../events/upcasters.ts';

type Json = Record<string, unknown>;

/**
 * Folds in what can still be read of an event that may have been tampered with, without its sealed text: enough to know whose the task
 * is. Of a first event whose data cannot be read, the owner is whoever caused it. Never throws.
 */
export function readAnyway(task: Task | null, event: StoredEvent): Task | null {
  const metadata = parsed(event.metadata);
  const actor = (metadata?.actor as Json | undefined)?.id ?? '';
  const data = parsed(event.data) ?? (event.revision === 0 ? { owner_id: actor, assignee_id: null } : undefined);
  const type = event.revision === 0 ? 'TaskCreated' : event.type;
  try {
    const version = metadata?.schema_version ?? 1;
    const fact = {
      ...event,
      type,
      data: data && upcast(type, version as number, data),
      taskId: subjectId(event),
      at: metadata?.occurred_at ?? '',
      by: actor,
    };
    return evolve(task, fact as unknown as Parameters<typeof evolve>[1]);
  } catch {
    return task;
  }
}

function parsed(bytes: Buffer): Json | undefined {
  try {
    const value = JSON.parse(bytes.toString()) as unknown;
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}
