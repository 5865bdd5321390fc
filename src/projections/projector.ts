import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { decodeEvents } from '../events/codec.ts';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { EventStore, Position, StoredEvent, SubscriptionBatch } from '../events/store/event-store.ts';
import type { Logger } from '../platform/logging.ts';
import { tryWriterLock, type WriterLock } from '../platform/postgres/writer-lock.ts';
import { AheadOfLive, advance, type Checkpoint, Fenced, takeOver } from './checkpoint.ts';
import { decodedAhead } from './decoded-ahead.ts';
import type { Pace } from './pace.ts';
import { type Projection, schemaOf } from './projection.ts';
import { createRest, type Rest } from './rest.ts';

const LOCK_RETRY_MS = 1_000;
const TURN_MS = 20;
const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** A writer frozen in the middle of a batch is ended by the server, so that its row locks hold nobody. */
const SILENCE_MS = 6_000;

export interface ProjectorStatus {
  /** `standby`: another instance writes. `stopped`: an event could not be applied; it is tried again from time to time. */
  state: 'standby' | 'catching_up' | 'live' | 'stopped';
  /** As far as this instance knows: its own while it writes. */
  position: Position | null;
  /** Why it is stopped, with the position of the event. */
  error: string | null;
  /** When the loop last did something, or found nothing to do. */
  heartbeat: Date;
  /** Events applied since this instance started. */
  applied: number;
}

export interface ProjectorParts {
  connectionString: string;
  store: EventStore;
  vault: KeyVault;
  log: Logger;
  /** As fast as it can, when left out. */
  pace?: Pace;
  /** Called after the rows up to a position were committed; `caughtUp` when nothing newer was in the log. */
  onProgress(position: Position, caughtUp: boolean): void;
  /** Told of events whose rows were committed, and since when they had been worked on: milliseconds since 1970. */
  onApplied?(events: readonly RecordedEvent[], since: number): void;
}

/** Keeps one generation of a projection: follows the log from its checkpoint while this instance is the one that may write it. */
export interface Projector {
  readonly projection: Projection;
  readonly generation: number;
  status(): ProjectorStatus;
  /** Somebody waits for what is in the log by now. */
  hurry(): void;
  stop(): Promise<void>;
}

export function startProjector(projection: Projection, generation: number, parts: ProjectorParts): Projector {
  const stopping = new AbortController();
  const status: ProjectorStatus = { state: 'standby', position: null, error: null, heartbeat: new Date(), applied: 0 };
  const resting = createRest(stopping.signal);
  const target = { projection, generation, schema: schemaOf({ ...projection, generation }), resting };
  const running = runUntil(stopping.signal, target, parts, status);
  return {
    projection,
    generation,
    status: () => ({ ...status }),
    hurry: resting.end,
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

/** What is written. */
interface Target {
  projection: Projection;
  generation: number;
  schema: string;
  resting: Rest;
}

async function runUntil(stop: AbortSignal, target: Target, parts: ProjectorParts, status: ProjectorStatus): Promise<void> {
  for (let failures = 0; !stop.aborted; ) {
    let lock: WriterLock | null = null;
    try {
      status.heartbeat = new Date();
      lock = await tryWriterLock(parts.connectionString, target.schema);
      if (lock === null) {
        status.state = 'standby';
        await pause(LOCK_RETRY_MS, undefined, { signal: stop }).catch(() => {});
        continue;
      }
      const before = status.position;
      await follow(AbortSignal.any([stop, lock.lost]), target, parts, status);
      if (status.position !== before) failures = 0;
    } catch (error) {
      if (stop.aborted) return;
      if (error instanceof CannotApply) {
        status.state = 'stopped';
        status.error = error.message;
        status.position = error.reached;
      } else if (status.state !== 'stopped') status.state = 'standby';
      parts.log.error({ projection: target.schema, error }, `the projection ${target.schema} does not go on: ${describeError(error)}`);
      const wait = Math.min(SHORTEST_PAUSE_MS * 2 ** failures++, LONGEST_PAUSE_MS);
      await pause(wait, undefined, { signal: stop }).catch(() => {});
    } finally {
      await lock?.release();
    }
  }
}

/** An event that the projection cannot handle: it and nothing else stops there. */
class CannotApply extends Error {
  /** The checkpoint before it. */
  readonly reached: Position;
  constructor(event: StoredEvent, reached: Position, cause: unknown) {
    super(`cannot apply ${event.type} at position ${event.position} (${event.stream}): ${describeError(cause)}`, { cause });
    this.reached = reached;
  }
}

async function follow(signal: AbortSignal, target: Target, parts: ProjectorParts, status: ProjectorStatus): Promise<void> {
  const { projection, generation, schema } = target;
  const client = await connect(parts.connectionString, schema);
  try {
    let checkpoint = await takeOver(client, projection, generation);
    status.position = checkpoint.position;
    if (status.state === 'standby') status.state = 'catching_up';
    parts.log.info({ projection: schema }, `the projection ${schema} goes on from position ${checkpoint.position}`);
    for await (const { batch, events } of decodedAhead(parts, checkpoint.position, signal)) {
      checkpoint = await applyBatch(client, projection, parts, checkpoint, batch, events, signal);
      status.position = checkpoint.position;
      status.applied += batch.events.length;
      status.heartbeat = new Date();
      if (batch.events.length > 0 || status.state !== 'stopped') {
        status.state = batch.caughtUp || status.state === 'live' ? 'live' : 'catching_up';
        status.error = null;
      }
      parts.onProgress(checkpoint.position, batch.caughtUp);
      if (parts.pace && batch.caughtUp) await target.resting.take(parts.pace.rest());
    }
  } finally {
    await client.end().catch(() => {});
  }
}

async function applyBatch(
  client: pg.Client,
  projection: Projection,
  parts: ProjectorParts,
  checkpoint: Checkpoint,
  batch: SubscriptionBatch,
  decoded: Promise<readonly RecordedEvent[]>,
  signal: AbortSignal,
): Promise<Checkpoint> {
  if (batch.position <= checkpoint.position) return checkpoint;
  const applyUpTo = async (
    stored: readonly StoredEvent[],
    decoding: Promise<readonly RecordedEvent[]>,
    position: Position,
    from: Checkpoint,
  ) => {
    const since = Date.now();
    const events = await decoding;
    await inTurn(signal, () =>
      inTransaction(client, async () => {
        await projection.apply(events, client);
        await advance(client, projection, from, position, stored.at(-1));
      }),
    );
    parts.onApplied?.(events, since);
    return { ...from, position };
  };
  try {
    return await applyUpTo(batch.events, decoded, batch.position, checkpoint);
  } catch (error) {
    if (error instanceof Fenced || error instanceof AheadOfLive || isGone(client, error)) throw error;
  }
  // One of them cannot be applied: those before it can, and its position is to be known.
  let reached = checkpoint;
  for (const event of batch.events) {
    try {
      reached = await applyUpTo([event], decodeEvents([event], parts.vault), event.position, reached);
      parts.onProgress(reached.position, false);
    } catch (error) {
      if (error instanceof Fenced || error instanceof AheadOfLive || isGone(client, error)) throw error;
      throw new CannotApply(event, reached.position, error);
    }
  }
  return reached;
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

async function inTransaction(client: pg.Client, work: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await work();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  }
}

/**
 * A connection that loses its last rows at a crash of the server together with the checkpoint that speaks of them. Plans may be made while
 * the tables are empty, and kept: they must not be ones that scan them.
 */
async function connect(connectionString: string, schema: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString,
    application_name: `tasktrail projector ${schema}`,
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => {});
  await client.connect();
  await client.query(
    `set search_path = ${schema}; set timezone = 'UTC'; set synchronous_commit = off; set enable_seqscan = off; set jit = off;
     set idle_in_transaction_session_timeout = ${SILENCE_MS}`,
  );
  return client;
}

/** Whether an error tells of the connection rather than of the event. */
function isGone(client: pg.Client, error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  const unreachable = typeof code === 'string' && /^(08|57P|E[A-Z]+$)/.test(code);
  return unreachable || (client as unknown as { _queryable?: boolean })._queryable === false;
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
