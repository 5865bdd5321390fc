import { type RecordedTaskEvent, toFact } from '../events/recorded-event.ts';
import { BEGINNING, type Position } from '../events/store/event-store.ts';
import { evolve, type Task } from '../events/task/task.ts';
import { slices } from '../platform/slices.ts';

const REMEMBERED_COMMANDS = 1000;

/** What a command with an idempotency key did. */
export interface RememberedCommand {
  bodyHmac: string;
  /** The last event it appended. */
  revision: number;
  position: Position;
}

/** A task's stream, folded: the task, where the stream stands, and what is needed to append to it. */
export interface TaskAggregate {
  taskId: string;
  task: Task | null;
  /** Of the last event; -1 when there is none. */
  revision: number;
  /** What the next event is appended behind: events of another application may stand in the stream, behind the last of ours. */
  streamRevision: number;
  position: Position;
  /** The hash of the last event; empty when there is none. */
  hash: string;
  /** The data key that seals the task's text. */
  keyId: string | null;
  /** The stream's last commands that came with a key, by command id. */
  commands: Map<string, RememberedCommand>;
  /** Text is missing whose key is there and does not open: what was folded is never to be remembered. */
  isBlanked?: true;
}

export function emptyAggregate(taskId: string): TaskAggregate {
  return { taskId, task: null, revision: -1, streamRevision: -1, position: BEGINNING, hash: '', keyId: null, commands: new Map() };
}

/** Folds the next events of the stream in, in place: a long history must not be copied for each of its events. */
export function foldIn(aggregate: TaskAggregate, events: readonly RecordedTaskEvent[]): void {
  for (const event of events) {
    aggregate.task = evolve(aggregate.task, toFact(event));
    aggregate.revision = event.revision;
    aggregate.streamRevision = event.revision;
    aggregate.position = event.position;
    aggregate.hash = event.metadata.hash;
    if (event.type === 'TaskCreated') aggregate.keyId = event.metadata.key_ids?.[0] ?? null;
    remember(aggregate.commands, event);
  }
}

/** Events that are folded before everything else that waits has its turn. */
const YIELD_EVERY = 1_000;

/** Folds a history of any length in, in turns of the event loop. */
export async function foldHistory(aggregate: TaskAggregate, events: readonly RecordedTaskEvent[]): Promise<void> {
  for await (const some of slices(events, YIELD_EVERY)) foldIn(aggregate, some);
}

function remember(commands: TaskAggregate['commands'], { metadata, revision, position }: RecordedTaskEvent): void {
  if (metadata.body_hmac === undefined) return;
  commands.set(metadata.command_id, { bodyHmac: metadata.body_hmac, revision, position });
  if (commands.size > REMEMBERED_COMMANDS) commands.delete(commands.keys().next().value!);
}
