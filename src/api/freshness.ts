import { LRUCache } from 'lru-cache';
import type { Caller } from '../accounts/caller.ts';
import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import { BEGINNING, type EventStore, type Position, parsePosition } from '../events/store/event-store.ts';
import type { Progress } from '../projections/progress.ts';
import { Rejection } from '../rejection.ts';
import type { RequestContext } from './route.ts';

const LONGEST_WAIT_MS = 2_000;
const REMEMBERED = 100_000;

export type ReadModel = 'listing' | 'activity' | 'history' | 'feed';

export interface FreshQuery {
  caller: Caller;
  request: RequestContext;
  models: readonly ReadModel[];
  /** The task that the path names. */
  taskId?: string;
  /** The answer is about everybody's tasks. */
  ofEverybody?: boolean;
  /** What is asked for is as of this position. */
  asOf?: Position;
}

/** Lets a caller read what was written: by themselves, about their access, on a task, or at a position they carry along. */
export interface Freshness {
  /** The log is another one, or an earlier state of it: what was written to it is nothing to wait for. */
  reset(): void;
  /** A command of this caller was answered with this position, after these events. */
  wrote(callerId: string, taskId: string, position: Position, events: readonly RecordedTaskEvent[]): void;
  /** Something about this person's account went into the log. */
  recorded(userId: string, position: Position): void;
  /**
   * For a command that is decided on read models: waits until they have all that was in the log when it arrived, whichever instance wrote
   * it. @throws Rejection DEPENDENCY_UNAVAILABLE when they do not get there in time: nothing is to be changed on half a picture
   */
  requireCurrent(models: readonly ReadModel[]): Promise<void>;
  /** @returns the headers of the answer: `Tasktrail-Stale: true` when the read models did not get there in time. @throws Rejection */
  wait(query: FreshQuery): Promise<{ headers: Record<string, string> }>;
}

/** @param isLogRight false while the log is not the one that the read models are of: what is read from them is stale */
export function createFreshness(progress: Progress, store: EventStore, isLogRight = () => true): Freshness {
  const byPerson = new LRUCache<string, { position: Position }>({ max: REMEMBERED });
  const byTask = new LRUCache<string, { position: Position }>({ max: REMEMBERED });
  let last = BEGINNING;

  const raise = (marks: LRUCache<string, { position: Position }>, key: string, position: Position) => {
    if (position > (marks.get(key)?.position ?? BEGINNING)) marks.set(key, { position });
  };

  const wanted = ({ caller, taskId, ofEverybody, asOf }: FreshQuery): Position => {
    const marks = [
      byPerson.get(caller.id)?.position ?? BEGINNING,
      taskId === undefined ? BEGINNING : (byTask.get(taskId)?.position ?? BEGINNING),
      ofEverybody ? last : BEGINNING,
      asOf ?? BEGINNING,
    ];
    return marks.reduce((highest, mark) => (mark > highest ? mark : highest));
  };

  return {
    reset() {
      byPerson.clear();
      byTask.clear();
      last = BEGINNING;
    },
    wrote(callerId, taskId, position, events) {
      raise(byPerson, callerId, position);
      raise(byTask, taskId, position);
      for (const event of events) for (const person of peopleConcerned(event)) raise(byPerson, person, position);
      if (position > last) last = position;
    },
    recorded(userId, position) {
      raise(byPerson, userId, position);
      if (position > last) last = position;
    },
    async requireCurrent(models) {
      const head = await store.head();
      const deadline = performance.now() + LONGEST_WAIT_MS;
      for (const model of models) {
        if (await progress.reached(model, head, Math.max(deadline - performance.now(), 0))) continue;
        const message = `The read model ${model} does not have all events yet; nothing was changed, try again shortly`;
        throw new Rejection('DEPENDENCY_UNAVAILABLE', message, [{ part: 'projector' }]);
      }
    },
    async wait(query) {
      const carried = carriedPosition(query.request);
      let target = wanted(query);
      let beyondHead = false;
      if (carried !== undefined && carried > target) {
        const head = carried > last ? await store.head().catch(() => BEGINNING) : carried;
        // The feed hands out positions behind the events of another application: what is up to there is up to the head.
        beyondHead = carried > head && carried > (await store.end().catch(() => BEGINNING));
        if (!beyondHead) target = carried > head ? head : carried;
      }
      const deadline = performance.now() + LONGEST_WAIT_MS;
      let reached = !beyondHead && isLogRight();
      for (const model of query.models) {
        reached = (await progress.reached(model, target, Math.max(deadline - performance.now(), 0))) && reached;
      }
      return { headers: reached ? {} : { 'Tasktrail-Stale': 'true' } };
    },
  };
}

/** Whose access an event gives, changes or takes. */
function peopleConcerned(event: RecordedTaskEvent): string[] {
  switch (event.type) {
    case 'TaskCreated':
      return present([event.data.assignee_id]);
    case 'TaskAssigned':
    case 'TaskUnassigned':
      return present([event.data.assignee_id.from, event.data.assignee_id.to]);
    case 'TaskShared':
    case 'TaskSharePermissionChanged':
    case 'TaskUnshared':
      return [event.data.user_id];
    case 'TaskTransferred':
      return [event.data.owner_id.from, event.data.owner_id.to];
    case 'TaskDeleted':
      return present([event.data.last.owner_id, event.data.last.assignee_id, ...event.data.last.sharee_ids]);
    case 'TaskRestored':
      return present([event.data.restored.owner_id, event.data.restored.assignee_id, ...event.data.restored.sharee_ids]);
    default:
      return [];
  }
}

function present(ids: readonly (string | null)[]): string[] {
  return ids.filter((id) => id !== null);
}

function carriedPosition(request: RequestContext): Position | undefined {
  const header = request.header('tasktrail-position');
  if (header === undefined) return undefined;
  const position = parsePosition(header);
  if (position === undefined) {
    const message = 'must be a position: decimal digits';
    throw new Rejection('VALIDATION_FAILED', message, [{ path: 'header.tasktrail-position', message, code: 'format' }]);
  }
  return position;
}
