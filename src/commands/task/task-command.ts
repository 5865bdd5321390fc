import type { RecordedTaskEvent } from '../../events/recorded-event.ts';
import { allows, type Permission, type Person, permissionOf } from '../../events/task/permission.ts';
import { evolve, type Task } from '../../events/task/task.ts';
import type { TaskEvent } from '../../events/task/task-events.ts';
import { Rejection } from '../../rejection.ts';

/** What a decision may know beside the task: who decides and when. */
export interface Context {
  taskId: string;
  actor: Person;
  /** RFC 3339 UTC with milliseconds. */
  at: string;
  /** All that happened to the task, for commands that read it; otherwise empty. */
  history: readonly RecordedTaskEvent[];
}

/** An event as it is decided. One that belongs to an undo says which revisions it takes back. */
export type Decided = TaskEvent & { undoOf?: readonly number[] };

/**
 * A command on a task: who may, and what follows. Both are pure and throw a Rejection. They are apart because a repeated command is
 * authorised and not decided: a caller who can no longer see a task learns nothing of it, and one who can gets the first outcome again.
 */
export interface TaskCommand<Input> {
  allow(task: Task | null, input: Input, context: Context): void;
  /** What a repetition of the command is authorised with, where the input names a user who may bear another name by now. */
  recall?(events: readonly RecordedTaskEvent[]): Input;
  /** The events that follow; none when what is asked for is so already. */
  decide(task: Task | null, input: Input, context: Context): Decided[];
  /** Deleted tasks are absent for every command but the one that brings them back. */
  onDeleted?: true;
  /** It is decided on old values too, which the folded task does not keep. */
  readsHistory?: true;
  /** Neither its decision nor its events hold any text: it is carried out also on a task whose key is there and does not open. */
  needsNoText?: true;
}

/** A command on a task that is there. */
export function onTask<Input>(command: {
  needs: Permission;
  onDeleted?: true;
  readsHistory?: true;
  /** In place of `needs`, where more than the permission counts. */
  allow?(task: Task, input: Input, context: Context): void;
  recall?: TaskCommand<Input>['recall'];
  decide(task: Task, input: Input, context: Context): Decided[];
}): TaskCommand<Input> {
  return {
    ...(command.readsHistory && { readsHistory: true }),
    ...(command.onDeleted && { onDeleted: true }),
    ...(command.recall && { recall: command.recall }),
    allow(task, input, context) {
      const seen = requireVisible(task, context.actor);
      if (command.allow) command.allow(seen, input, context);
      else requirePermission(seen, context.actor, command.needs);
    },
    decide(task, input, context) {
      if (task?.erased) throw taskNotFound();
      if (task === null || (task.deletedAt !== null && !command.onDeleted)) throw taskNotFound();
      return command.decide(task, input, context);
    },
  };
}

export function taskNotFound(): Rejection {
  return new Rejection('TASK_NOT_FOUND', 'There is no such task');
}

/** @returns the task, if there is one that the person has any access to. Absent and forbidden are the same answer. */
export function requireVisible(task: Task | null, person: Person): Task {
  if (task === null || permissionOf(task, person) === null) throw taskNotFound();
  return task;
}

/** @param deletedToo lets their owner and admins see deleted tasks @throws Rejection TASK_NOT_FOUND */
export function requireReadable(task: Task | null, reader: Person, deletedToo: boolean): Task {
  const seen = requireVisible(task, reader);
  if (seen.deletedAt !== null && !(deletedToo && (reader.isAdmin || seen.ownerId === reader.id))) throw taskNotFound();
  return seen;
}

/** A deleted task exists for its owner and admins only, so that for others it is absent rather than forbidden. */
export function requirePermission(task: Task, person: Person, needed: Permission): void {
  const have = permissionOf(task, person);
  if (allows(have, needed)) return;
  if (task.deletedAt !== null) throw taskNotFound();
  throw new Rejection('FORBIDDEN', `This needs the permission '${needed}' on the task`, [{ needed, have }]);
}

/** @throws Rejection LIMIT_REACHED where one more would be more than a task holds */
export function requireRoom(count: number, limit: number, things: string): void {
  if (count >= limit) throw new Rejection('LIMIT_REACHED', `A task holds at most ${limit} ${things}`, [{ limit }]);
}

/** Several decisions as one: each is made on what the ones before it made of the task. */
export function inSequence(task: Task, context: Context, steps: readonly ((task: Task) => TaskEvent[])[]): TaskEvent[] {
  const all: TaskEvent[] = [];
  let current = task;
  for (const step of steps) {
    const events = step(current);
    for (const event of events) current = evolve(current, { ...event, taskId: task.id, at: context.at, by: context.actor.id })!;
    all.push(...events);
  }
  return all;
}
