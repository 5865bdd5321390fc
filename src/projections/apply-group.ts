import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { decodeEvents } from '../events/codec.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import { type EventStore, type Position, type StoredEvent, StoreUnavailable } from '../events/store/event-store.ts';
import { AheadOfLive, advance, type Checkpoint, Fenced, refusalOf } from './checkpoint.ts';
import type { DecodedBatch } from './decoded-ahead.ts';
import { RevisionGap } from './folded-rows.ts';
import type { Projection } from './projection.ts';
import type { Transaction } from './projection-client.ts';

const TURN_MS = 20;

/** An event that the projection cannot handle: it and nothing else stops there. */
export class CannotApply extends Error {
  /** The checkpoint before it. */
  readonly reached: Position;
  constructor(event: StoredEvent, reached: Position, cause: unknown) {
    super(`cannot apply ${event.type} at position ${event.position} (${event.stream}): ${describeError(cause)}`, { cause });
    this.reached = reached;
  }
}

/** What writes a generation. */
export interface Writer {
  client: pg.Client;
  /** On this connection. */
  transaction: Transaction;
  projection: Projection;
  vault: KeyVault;
  store: Pick<EventStore, 'readStream' | 'incidents'>;
  signal: AbortSignal;
  onProgress(position: Position, caughtUp: boolean): void;
  /** Told of events whose rows were committed, and since when they had been worked on: milliseconds since 1970. */
  onApplied?: ((events: readonly RecordedEvent[], since: number) => void) | undefined;
}

/** All in one transaction; where that cannot be, batch by batch, and where that cannot be, event by event. */
export async function applyGroup(writer: Writer, group: readonly DecodedBatch[], from: Checkpoint): Promise<Checkpoint> {
  if (group.at(-1)!.batch.position <= from.position) return from;
  const { client, vault, onProgress } = writer;
  try {
    return await applyTogether(writer, group, from);
  } catch (error) {
    if (isNoFaultOfEvents(client, error)) throw error;
  }
  let reached = from;
  if (group.length > 1) {
    for (const one of group) {
      reached = await applyGroup(writer, [one], reached);
      onProgress(reached.position, false);
    }
    return reached;
  }
  // One of them cannot be applied: those before it can, and its position is to be known.
  for (const event of group[0]!.batch.events) {
    const alone = { batch: { events: [event], position: event.position, caughtUp: false }, events: decodeEvents([event], vault) };
    try {
      reached = await applyTogether(writer, [alone], reached);
      onProgress(reached.position, false);
    } catch (error) {
      if (isNoFaultOfEvents(client, error)) throw error;
      throw new CannotApply(event, reached.position, error);
    }
  }
  return reached;
}

/** All in one transaction; again as often as a gap in a stream is found to be of another application's making. */
async function applyTogether(writer: Writer, group: readonly DecodedBatch[], from: Checkpoint): Promise<Checkpoint> {
  for (;;) {
    try {
      return await applyAtOnce(writer, group, from);
    } catch (error) {
      if (!(error instanceof RevisionGap) || error.event.follows === error.seen || !(await isExplained(error, writer.store))) throw error;
      error.event.follows = error.seen;
    }
  }
}

/** Whether events of others fill the gap, or the stream was deleted or cut short in the store. */
async function isExplained({ event, seen }: RevisionGap, store: Writer['store']): Promise<boolean> {
  const missing = event.revision - seen - 1;
  const between = await store.readStream(event.stream, { from: seen + 1, limit: missing, foreign: true });
  const own = new Set((await store.readStream(event.stream, { from: seen + 1, limit: missing })).map(({ revision }) => revision));
  if (between.length === missing && between.every(({ revision }, index) => revision === seen + 1 + index && !own.has(revision)))
    return true;
  return (await store.incidents()).missingStreams.some(({ stream }) => stream === event.stream);
}

async function applyAtOnce(writer: Writer, group: readonly DecodedBatch[], from: Checkpoint): Promise<Checkpoint> {
  const { transaction, projection, signal, onApplied } = writer;
  const since = Date.now();
  const events = (await Promise.all(group.map(({ events }) => events))).flat();
  const { position } = group.at(-1)!.batch;
  const last = group.findLast(({ batch }) => batch.events.length > 0)?.batch.events.at(-1);
  await inTurn(signal, () =>
    transaction(async (client) => {
      await projection.apply(events, client, from.isComplete);
      await advance(client, projection, from, position, last);
    }).catch((error) => {
      throw refusalOf(error, projection, from) ?? error;
    }),
  );
  onApplied?.(events, since);
  return { ...from, position };
}

/** Tries again while it is not yet this generation's turn. */
async function inTurn(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AheadOfLive) || signal.aborted) throw error;
      await pause(TURN_MS);
    }
  }
}

/** Whether an error tells of something else than the events that were to be applied. */
function isNoFaultOfEvents(client: pg.Client, error: unknown): boolean {
  return error instanceof StoreUnavailable || error instanceof Fenced || error instanceof AheadOfLive || isGone(client, error);
}

/** Whether an error tells of the connection rather than of the event. */
function isGone(client: pg.Client, error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  const unreachable = typeof code === 'string' && /^(08|57P|E[A-Z]+$)/.test(code);
  return unreachable || (client as unknown as { _queryable?: boolean })._queryable === false;
}

export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
