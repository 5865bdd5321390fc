import type { KeyObject } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { encodeEvents, type Keys, type Place, VocabularyTooOld } from '../events/codec.ts';
import { KeyDestroyed, KeyUnreadable, type KeyVault } from '../events/keys/key-vault.ts';
import type { EventContext } from '../events/metadata.ts';
import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import { type EventStore, StoreUnavailable, type WrappedKey, WrongExpectedRevision } from '../events/store/event-store.ts';
import { type ShareReader, shareReader } from '../events/task/shares-seen.ts';
import { type TaskEvent, taskStream } from '../events/task/task-events.ts';
import type { VocabularyGate } from '../events/vocabulary-gate.ts';
import { Rejection } from '../rejection.ts';
import { type CommandCall, type CommandIdentity, identify } from './command-call.ts';
import type { CommandOutcome, Order } from './command-order.ts';
import type { KeyedQueue } from './keyed-queue.ts';
import { outcomeOf, repetition } from './repeated-command.ts';
import type { Decided } from './task/task-command.ts';
import { emptyAggregate, foldIn, type TaskAggregate } from './task-aggregate.ts';
import type { TaskStreams } from './task-streams.ts';

const MOST_LOST_RACES = 10;
const MOST_EVENTS_NAMED = 100;

export interface CommandParts {
  store: EventStore;
  streams: TaskStreams;
  vault: KeyVault;
  queue: KeyedQueue;
  /** Derives ids from idempotency keys. */
  secret: KeyObject;
  /** Whether this machine's clock is so far ahead that nothing must be stamped by it. */
  isClockAhead(): boolean;
  /** Whether newer events may be appended, which an older release running beside this one could not read. */
  vocabulary: VocabularyGate;
  /** Told of each race for a stream that this process lost. */
  onLostRace(): void;
}

/**
 * Loads the task, decides, appends; when another write won the race, all over again. Commands on one task wait for each other.
 * @throws Rejection, StoreUnavailable, StoreOverloaded
 */
export function handleCommand<Input>(parts: CommandParts, order: Order<Input>): Promise<CommandOutcome> {
  if (parts.isClockAhead()) return Promise.reject(clockAhead());
  const identity = order.identity ?? identify(parts.secret, order.call, order.oneOfMany ? order.taskId : undefined);
  return parts.queue.run(order.taskId, () => untilWritten(parts, order, identity));
}

/** What the command would do to the task as it is now, without doing it. @throws Rejection */
export async function tryCommand<Input>(parts: CommandParts, order: Order<Input>): Promise<readonly TaskEvent[]> {
  const identity = identify(parts.secret, order.call, order.oneOfMany ? order.taskId : undefined);
  const verdict = await parts.queue.run(order.taskId, async () => judge(parts, await parts.streams.current(order.taskId), order, identity));
  return 'repeated' in verdict ? verdict.repeated.events : verdict.events;
}

async function untilWritten<Input>(parts: CommandParts, order: Order<Input>, identity: CommandIdentity): Promise<CommandOutcome> {
  let aggregate = order.isNew ? emptyAggregate(order.taskId) : parts.streams.known(order.taskId);
  // A task created with a key may be there already: only its stream tells.
  let isCurrent = order.isNew === true && identity.bodyHmac === undefined;
  let streamRevision = -1;
  for (let races = 0; ; ) {
    if (aggregate === undefined) {
      aggregate = await currentFor(parts, order);
      // Everything of ours up to there was read just now: the rest are events of another application.
      aggregate.streamRevision = Math.max(aggregate.streamRevision, streamRevision);
      isCurrent = true;
    }
    try {
      const verdict = await judge(parts, aggregate, order, identity);
      if ('events' in verdict && verdict.events.length > 0) return await write(parts, aggregate, order, identity, verdict.events);
      // Another instance may know more: an answer that appends nothing is given on the stream as it is now.
      if (isCurrent) return 'repeated' in verdict ? verdict.repeated : unchanged(aggregate);
    } catch (error) {
      if (error instanceof WrongExpectedRevision) {
        parts.onLostRace();
        if (error.actual !== 'no_stream') streamRevision = error.actual;
        if (++races >= MOST_LOST_RACES) throw new Rejection('WRITE_CONTENTION', `${races} other writes came first; try again`);
        await pause(Math.random() * 2 ** Math.min(races, 6));
      } else if (isCurrent || !(error instanceof Rejection)) throw error;
    }
    aggregate = undefined;
  }
}

/** A command that looks at no text is carried out also where the text cannot be read. @throws KeyUnreadable for all others */
async function currentFor<Input>({ streams }: CommandParts, { taskId, command }: Order<Input>): Promise<TaskAggregate> {
  try {
    return await streams.current(taskId);
  } catch (error) {
    if (!(error instanceof KeyUnreadable && command.needsNoText)) throw error;
    return streams.currentWithoutText(taskId);
  }
}

function clockAhead(): Rejection {
  return new Rejection('DEPENDENCY_UNAVAILABLE', "The clock of this instance is ahead of the others'", [{ part: 'clock' }]);
}

type Verdict = { repeated: CommandOutcome } | { events: Decided[] };

/** Recognise a repetition, which has an authorisation of its own, otherwise authorise, then hold against `If-Match`, then decide. */
async function judge<Input>(
  parts: CommandParts,
  aggregate: TaskAggregate,
  order: Order<Input>,
  identity: CommandIdentity,
): Promise<Verdict> {
  const { command, input, call } = order;
  const context = { taskId: order.taskId, actor: call.actor, at: call.at, history: [] };
  const { task } = aggregate;
  const repeated = await repetition(parts.streams, aggregate, order, identity);
  if (repeated) return { repeated };
  command.allow(task, input, context);
  // A deleted task is absent for a command that is not on deleted tasks, whatever its revision.
  if (task !== null && (task.deletedAt === null || command.onDeleted)) {
    await requirePreconditions(parts, aggregate, call, shareReader(task, call.actor));
  }
  const history = command.readsHistory ? await parts.streams.events(order.taskId, 0, aggregate.revision) : [];
  return { events: command.decide(task, input, { ...context, history }) };
}

async function requirePreconditions(
  parts: CommandParts,
  aggregate: TaskAggregate,
  { ifMatch, ifNoneMatch }: Pick<CommandCall, 'ifMatch' | 'ifNoneMatch'>,
  reader: ShareReader,
): Promise<void> {
  if (ifNoneMatch === 'any' || ifNoneMatch?.includes(aggregate.revision)) throw new RevisionMismatch(aggregate.revision, [], reader);
  if (ifMatch === undefined || ifMatch === 'any' || ifMatch === aggregate.revision) return;
  const seen = ifMatch === 'none' ? aggregate.revision : ifMatch;
  const between = await parts.streams.events(aggregate.taskId, seen + 1, Math.min(aggregate.revision, seen + MOST_EVENTS_NAMED));
  throw new RevisionMismatch(aggregate.revision, between, reader);
}

/** The task is not at the revision that the caller pinned. */
export class RevisionMismatch extends Rejection {
  readonly revision: number;
  /** What has happened since, oldest first, at most 100. */
  readonly events: readonly RecordedTaskEvent[];
  /** Who is refused: what they may see of these events. */
  readonly reader: ShareReader;
  constructor(revision: number, events: readonly RecordedTaskEvent[], reader: ShareReader) {
    super('REVISION_MISMATCH', `The task is at revision ${revision}`);
    this.revision = revision;
    this.events = events;
    this.reader = reader;
  }
}

async function write<Input>(
  parts: CommandParts,
  aggregate: TaskAggregate,
  order: Order<Input>,
  identity: CommandIdentity,
  events: Decided[],
): Promise<CommandOutcome> {
  const { stream, revision } = { stream: taskStream(order.taskId), revision: aggregate.streamRevision };
  const { keys, newKeys } = await keysFor(parts.vault, aggregate, order, events);
  const place = { stream, revision: revision + 1, previousHash: aggregate.hash };
  const { undoOf } = events[0]!;
  const plain: TaskEvent[] = undoOf ? events.map(withoutUndoOf) : events;
  const { encoded, recorded } = await encodeForAll(parts, plain, place, eventContext(order.call, identity, undoOf), keys);
  try {
    const appended = await parts.store.append({
      stream,
      expectedRevision: revision < 0 ? 'no_stream' : revision,
      events: encoded,
      newKeys,
    });
    for (const key of newKeys) parts.vault.remember({ id: key.id, key: keys.task!.key });
    const placed = recorded.map((event) => ({ ...event, position: appended.position }) as RecordedTaskEvent);
    foldIn(aggregate, placed);
    parts.streams.keep(aggregate);
    return { task: aggregate.task!, revision: appended.revision, position: appended.position, events: placed, replayed: false };
  } catch (error) {
    if (!(error instanceof StoreUnavailable && error.outcome === 'unknown')) throw error;
    return await lookUp(parts, order.taskId, identity.commandId, error);
  }
}

/** Encodes events so that every instance that runs can read them. @throws Rejection DEPENDENCY_UNAVAILABLE where one cannot */
async function encodeForAll(parts: CommandParts, events: readonly TaskEvent[], place: Place, context: EventContext, keys: Keys) {
  const encoded = encodeEvents(events, place, context, keys);
  if (encoded.vocabulary === 1) return encoded;
  const writable = await parts.vocabulary.writable();
  if (encoded.vocabulary <= writable) return encoded;
  try {
    return encodeEvents(events, place, context, keys, writable);
  } catch (error) {
    if (!(error instanceof VocabularyTooOld)) throw error;
    const message = 'An instance of an older release still runs, which could not read this change; repeat it when that instance has ended';
    throw new Rejection('DEPENDENCY_UNAVAILABLE', message, [{ part: 'older_instance' }]);
  }
}

/** Whether an append whose answer was lost was written all the same. @throws the error of the append when it was not, or cannot be told */
async function lookUp(parts: CommandParts, taskId: string, commandId: string, lost: StoreUnavailable): Promise<CommandOutcome> {
  const history = await parts.streams.events(taskId).catch(() => []);
  const last = history.findLastIndex((event) => event.metadata.command_id === commandId);
  if (last < 0) throw lost;
  return (await outcomeOf(taskId, commandId, history.slice(0, last + 1))).outcome;
}

async function keysFor<Input>(vault: KeyVault, aggregate: TaskAggregate, { call, command }: Order<Input>, events: readonly TaskEvent[]) {
  const newKeys: WrappedKey[] = [];
  const author = events.some(({ type }) => type === 'CommentAdded' || type === 'CommentEdited')
    ? await vault.ofPerson(`user-${call.actor.id}`).catch(asEnded)
    : undefined;
  if (aggregate.keyId === null) {
    const { key, wrapped } = vault.create(taskStream(aggregate.taskId));
    newKeys.push(wrapped);
    return { keys: { task: key, ...(author && { author }) }, newKeys };
  }
  // The task may be known here from when its key still opened.
  const key = (await vault.load([aggregate.keyId], command.needsNoText ? 'redact' : 'refuse')).get(aggregate.keyId);
  const task = key && { id: aggregate.keyId, key };
  return { keys: { ...(task && { task }), ...(author && { author }) }, newKeys };
}

/** They were let in a moment before their account was erased. */
function asEnded(error: unknown): never {
  throw error instanceof KeyDestroyed ? new Rejection('SESSION_ENDED', 'The account is gone') : error;
}

function eventContext(call: CommandCall, identity: CommandIdentity, undoOf?: readonly number[]): EventContext {
  return {
    occurred_at: call.at,
    actor: { id: call.actor.id, kind: call.actor.kind },
    ...(call.tokenId !== undefined && { token_id: call.tokenId }),
    ...(call.sessionId !== undefined && { session_id: call.sessionId }),
    operation_id: call.operationId,
    ...(call.causationId !== undefined && { causation_id: call.causationId }),
    request_id: call.requestId,
    command_id: identity.commandId,
    ...(identity.bodyHmac !== undefined && { body_hmac: identity.bodyHmac }),
    ...(undoOf && { undo_of: [...undoOf] }),
  };
}

/** It is recorded in the metadata. */
function withoutUndoOf({ undoOf: _, ...event }: Decided): TaskEvent {
  return event as TaskEvent;
}

function unchanged({ task, revision, position }: TaskAggregate): CommandOutcome {
  return { task: task!, revision, position, events: [], replayed: false };
}
