import type { RecordedTaskEvent } from '../../src/events/recorded-event.ts';
import type { TaskFact } from '../../src/events/task/task.ts';
import type { TaskEvent } from '../../src/events/task/task-events.ts';
import type { Status } from '../../src/events/values.ts';

/** People and things for specs, and the events that tell of them. */
export const owner = '00000000-0000-7000-8000-00000000000a';
export const editor = '00000000-0000-7000-8000-00000000000b';
export const viewer = '00000000-0000-7000-8000-00000000000c';
export const stranger = '00000000-0000-7000-8000-00000000000d';
export const admin = '00000000-0000-7000-8000-00000000000e';
export const taskId = '00000000-0000-7000-8000-000000000001';

/** The n-th moment of a spec: each event happens a minute after the one before. */
export function at(n: number): string {
  return new Date(Date.UTC(2026, 0, 2, 3, n)).toISOString();
}

/** Events by type and data; who did it is the owner unless `by` says otherwise, and `operation` the call, where that matters. */
export type Happening = TaskEvent & { by?: string; operation?: string };

type Of<T extends TaskEvent['type']> = Extract<TaskEvent, { type: T }>;
type Data<T extends TaskEvent['type']> = Of<T>['data'];

export function created(data: Partial<Data<'TaskCreated'>> = {}): Happening {
  return {
    type: 'TaskCreated',
    data: {
      title: 'Water the plants',
      description: '',
      priority: 'medium',
      status: 'todo',
      completed_at: null,
      due_date: null,
      tags: [],
      owner_id: owner,
      assignee_id: null,
      ...data,
    },
  };
}

export function edited(changes: Data<'TaskEdited'>['changes']): Happening {
  return { type: 'TaskEdited', data: { changes } };
}

export function tagged(from: string[], to: string[]): Happening {
  return { type: 'TaskTagsChanged', data: { tags: { from, to } } };
}

export function transitioned(from: Status, to: Status, completed: { from?: string | null; to?: string | null } = {}): Happening {
  return {
    type: 'TaskTransitioned',
    data: { status: { from, to }, completed_at: { from: completed.from ?? null, to: completed.to ?? null } },
  };
}

export function assigned(to: string, from: string | null = null, gives_access = true): Happening {
  return { type: 'TaskAssigned', data: { assignee_id: { from, to }, gives_access } };
}

export function unassigned(from: string): Happening {
  return { type: 'TaskUnassigned', data: { assignee_id: { from, to: null }, reason: 'command' } };
}

export function shared(user_id: string, permission: 'view' | 'edit'): Happening {
  return { type: 'TaskShared', data: { user_id, permission } };
}

export function asItWas(more: Partial<Data<'TaskDeleted'>['last']> = {}): Data<'TaskDeleted'>['last'] {
  return {
    status: 'todo',
    priority: 'medium',
    due_date: null,
    tags: [],
    owner_id: owner,
    assignee_id: null,
    gives_access: true,
    sharee_ids: [],
    comment_count: 0,
    file_ids: [],
    ...more,
  };
}

export function deleted(more: Partial<Data<'TaskDeleted'>['last']> = {}): Happening {
  return { type: 'TaskDeleted', data: { forced: false, reason: 'command', last: asItWas(more) } };
}

export function restored(more: Partial<Data<'TaskDeleted'>['last']> = {}): Happening {
  return { type: 'TaskRestored', data: { restored: asItWas(more), purged_file_ids: [] } };
}

export function commented(comment_id: string, content = 'Well done'): Happening {
  return { type: 'CommentAdded', data: { comment_id, content, mentions: [] } };
}

/** The happenings of a task as facts: the n-th happened at `at(n)`. */
export function facts(happenings: readonly Happening[], task = taskId): TaskFact[] {
  return happenings.map(({ by, operation: _, ...event }, n) => ({ ...event, taskId: task, at: at(n), by: by ?? owner }));
}

/** The happenings of a task as they are read from its stream; positions begin at `position`. */
export function recorded(
  happenings: readonly Happening[],
  { task = taskId, position = 1n }: { task?: string; position?: bigint } = {},
): RecordedTaskEvent[] {
  return facts(happenings, task).map(
    (fact, revision) =>
      ({
        type: fact.type,
        data: fact.data,
        stream: `task-${task}`,
        revision,
        position: position + BigInt(revision),
        redacted: [],
        metadata: {
          event_id: `00000000-0000-5000-8000-${(position + BigInt(revision)).toString(16).padStart(12, '0')}`,
          schema_version: 1,
          occurred_at: fact.at,
          actor: { id: fact.by, kind: 'user' },
          operation_id: '00000000-0000-4000-8000-000000000001',
          request_id: 'spec',
          command_id: '00000000-0000-4000-8000-000000000002',
          hash: 'none',
        },
      }) as RecordedTaskEvent,
  );
}
