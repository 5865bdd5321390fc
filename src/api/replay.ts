import type { Caller } from '../accounts/caller.ts';
import type { Tasks } from '../commands/tasks.ts';
import { type RecordedTaskEvent, toFact } from '../events/recorded-event.ts';
import type { Permission } from '../events/task/permission.ts';
import { evolve, type Task } from '../events/task/task.ts';
import { pause, type SentEvent } from './event-stream.ts';
import type { People } from './views/person-view.ts';
import { peopleInReplay, type ReplayView, replayView } from './views/replay-view.ts';

/** An event, and the task as it left it. */
export interface Replayed {
  event: RecordedTaskEvent;
  task: Task;
  /** Whether the task was deleted before the event. */
  wasDeleted: boolean;
}

/** Who replays, with the permission of today, which a stream looks up again while it lasts. */
export interface Replayer {
  caller: Caller;
  permission: Permission;
  people(ids: readonly string[]): Promise<People>;
}

interface Range {
  taskId: string;
  /** Revisions, both included. */
  from: number;
  to: number;
}

// In milliseconds.
const LONGEST_GAP = 2_000;
const WORTH_WAITING = 5;

/** The events of a range, a page of the stream at a time. The task is folded from its beginning. */
export async function* replay(tasks: Pick<Tasks, 'events'>, { taskId, from, to }: Range): AsyncGenerator<Replayed[]> {
  let task: Task | null = null;
  if (from > to) return;
  for await (const events of tasks.events(taskId, { from: 0, to })) {
    const replayed: Replayed[] = [];
    for (const event of events) {
      const wasDeleted = task !== null && task.deletedAt !== null;
      task = evolve(task, toFact(event));
      if (event.revision >= from && task) replayed.push({ event, task, wasDeleted });
    }
    if (replayed.length > 0) yield replayed;
  }
}

/** The views of some events, with everybody's name looked up at once. */
export async function replayViews(replayed: readonly Replayed[], { caller, permission, people }: Replayer): Promise<ReplayView[]> {
  const named = await people([...new Set(replayed.flatMap(peopleInReplay))]);
  return replayed.map((one) => replayView(one, { caller, permission, people: named }));
}

/** The same events at the pace at which they happened, times `speed`; a gap lasts two seconds at most. Then that it was all. */
export async function* paced(
  pages: AsyncIterable<readonly Replayed[]>,
  speed: number,
  replayer: Replayer,
  signal: AbortSignal,
): AsyncGenerator<SentEvent> {
  let before: number | undefined;
  let owed = 0;
  let last: number | null = null;
  for await (const page of pages) {
    for (const one of page) {
      const at = Date.parse(one.event.metadata.occurred_at);
      owed += Math.min(LONGEST_GAP, Math.max(0, at - (before ?? at)) / speed);
      before = at;
      if (owed >= WORTH_WAITING) {
        await pause(owed, signal);
        owed = 0;
      }
      if (signal.aborted) return;
      const [view] = await replayViews([one], replayer);
      last = view!.revision;
      yield { id: String(last), event: view!.event, data: JSON.stringify(view) };
    }
  }
  if (!signal.aborted) yield { event: 'end', data: JSON.stringify({ revision: last }) };
}
