import type { EventMetadata } from './metadata.ts';
import type { Position } from './store/event-store.ts';
import type { TaskFact } from './task/task.ts';
import type { TaskEvent } from './task/task-events.ts';
import type { UserEvent } from './user/user-events.ts';

/** An event as it is read: decoded, in today's version, with its place in the log. */
export type Recorded<E extends { type: string; data: unknown }> = E & {
  stream: string;
  revision: number;
  position: Position;
  /**
   * The revision of this service's event before it in the stream (-1 for none), where that is not the revision before: events of another
   * application stand between them, or the stream was cut short. Set by the projector that found it out.
   */
  follows?: number;
  metadata: EventMetadata;
  /** Of an event that says that an account is erased: the digests of every username that it has had. Not stored with it. */
  erasedNames?: ReadonlySet<string>;
  /** JSON pointers into data of members that are null because the key that sealed them is destroyed. */
  redacted: readonly string[];
};

export type RecordedTaskEvent = Recorded<TaskEvent>;
export type RecordedUserEvent = Recorded<UserEvent>;
export type RecordedEvent = RecordedTaskEvent | RecordedUserEvent;

/** The id behind a stream's prefix: the task or user it tells of. */
export function subjectId(event: { stream: string }): string {
  return event.stream.slice(event.stream.indexOf('-') + 1);
}

/** What a task is made of, from an event of its stream. */
export function toFact(event: RecordedTaskEvent): TaskFact {
  return { ...event, taskId: subjectId(event), at: event.metadata.occurred_at, by: event.metadata.actor.id };
}
