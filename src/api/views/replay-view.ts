import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import { publicTypes } from '../../events/public-type.ts';
import type { RecordedTaskEvent } from '../../events/recorded-event.ts';
import { fieldChanges } from '../../events/task/changes.ts';
import { allows, type Permission } from '../../events/task/permission.ts';
import { changesSeen } from '../../events/task/shares-seen.ts';
import type { Task } from '../../events/task/task.ts';
import { Id, Time } from '../../events/values.ts';
import { FieldChangeView } from './field-change-view.ts';
import { nameOf, type People, personIn } from './person-view.ts';
import { peopleOn, TaskView, taskView } from './task-view.ts';

export const ReplayView = z
  .strictObject({
    revision: z.int(),
    event: z.string().meta({ description: 'Its public type.', examples: ['tasktrail.task.transitioned.v1'] }),
    occurred_at: Time,
    actor: z.strictObject({ id: Id, username: z.string() }).describe('Whose doing it was; `system` is the service itself.'),
    changes: z.array(FieldChangeView),
    state: TaskView.describe("The task as the event left it; the caller's permission is that of today."),
  })
  .meta({ id: 'Replayed', description: 'One event of a task, and what the task then was.' });
export type ReplayView = z.output<typeof ReplayView>;

interface OneEvent {
  event: RecordedTaskEvent;
  task: Task;
  wasDeleted: boolean;
}

export function peopleInReplay({ event, task }: Pick<OneEvent, 'event' | 'task'>): string[] {
  return [event.metadata.actor.id, ...peopleOn(task)];
}

export function replayView(
  { event, task, wasDeleted }: OneEvent,
  seen: { caller: Caller; permission: Permission; people: People },
): ReplayView {
  const { revision, metadata } = event;
  const { actor, occurred_at } = metadata;
  const person = personIn(seen.people, actor.id);
  const then = { at: new Date(occurred_at), permission: seen.permission };
  return {
    revision,
    event: publicTypes[event.type],
    occurred_at,
    actor: { id: actor.id, username: actor.kind === 'system' ? 'system' : nameOf(person) },
    changes: changesSeen(fieldChanges(event, wasDeleted), { id: seen.caller.id, seesAllShares: allows(seen.permission, 'owner') }),
    state: taskView(task, revision, seen.caller, seen.people, then),
  };
}
