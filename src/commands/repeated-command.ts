import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import { accessTo, isLess, type Permission, type Person } from '../events/task/permission.ts';
import { Rejection } from '../rejection.ts';
import type { CommandIdentity } from './command-call.ts';
import type { CommandOutcome, Order } from './command-order.ts';
import { requireReadable } from './task/task-command.ts';
import { emptyAggregate, foldHistory, foldIn, type RememberedCommand, type TaskAggregate } from './task-aggregate.ts';
import type { TaskStreams } from './task-streams.ts';

/**
 * The first outcome of a command that the stream holds already, under the same key; null when it holds none. What took the caller's access
 * away decides: where the recorded command itself did, the caller has received the outcome and gets it again; otherwise the caller needs
 * what any command needs.
 * @throws Rejection IDEMPOTENCY_KEY_REUSED for another body, and whatever refuses the caller
 */
export async function repetition<Input>(
  streams: TaskStreams,
  aggregate: TaskAggregate,
  order: Order<Input>,
  identity: CommandIdentity,
): Promise<CommandOutcome | null> {
  if (identity.bodyHmac === undefined) return null;
  const first = await findRecorded(streams, aggregate, order, identity);
  if (first === null) return null;
  if (first.bodyHmac !== identity.bodyHmac) {
    requireAllowed(aggregate, order, order.input);
    throw new Rejection('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key came with another body before; use a new key');
  }
  const history = await streams.events(aggregate.taskId, 0, first.revision);
  const { outcome, ...access } = await outcomeOf(aggregate.taskId, identity.commandId, history, order.call.actor);
  const isEndedByItself = isLess(access.after, access.before) && !isLess(accessTo(aggregate.task, order.call.actor), access.after);
  if (!isEndedByItself) requireAllowed(aggregate, order, order.command.recall?.(outcome.events) ?? order.input);
  return { ...outcome, replayed: true };
}

/**
 * The outcome of a command that is in the stream, from the stream's events up to its last one.
 * @returns with it the access that a person of today's role had before the command and right after it
 */
export async function outcomeOf(
  taskId: string,
  commandId: string,
  history: readonly RecordedTaskEvent[],
  person: Person = { id: '', isAdmin: false },
): Promise<{ outcome: CommandOutcome; before: Permission | null; after: Permission | null }> {
  const start = history.findIndex(({ metadata }) => metadata.command_id === commandId);
  const events = history.slice(start);
  const then = emptyAggregate(taskId);
  await foldHistory(then, history.slice(0, start));
  const before = accessTo(then.task, person);
  foldIn(then, events);
  const outcome = { task: then.task!, revision: then.revision, position: then.position, events, replayed: false };
  return { outcome, before, after: accessTo(then.task, person) };
}

/** A creation is the stream's first event, however many commands came after it; others are looked up among the last of them. */
async function findRecorded(
  streams: TaskStreams,
  { taskId, task, commands }: TaskAggregate,
  { isNew }: Pick<Order<unknown>, 'isNew'>,
  { commandId }: CommandIdentity,
): Promise<Pick<RememberedCommand, 'bodyHmac' | 'revision'> | null> {
  if (!isNew) return commands.get(commandId) ?? null;
  if (task === null) return null;
  const [created] = await streams.events(taskId, 0, 0);
  return { bodyHmac: created!.metadata.body_hmac ?? '', revision: created!.revision };
}

function requireAllowed<Input>({ task }: TaskAggregate, { command, call, taskId }: Order<Input>, input: Input): void {
  command.allow(requireReadable(task, call.actor, true), input, { taskId, actor: call.actor, at: call.at, history: [] });
}
