import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import type { EventStore, Position } from '../events/store/event-store.ts';
import type { Logger } from '../platform/logging.ts';
import { tryWriterLock, type WriterLock } from '../platform/postgres/writer-lock.ts';
import { applyGroup, CannotApply, describeError } from './apply-group.ts';
import { takeOver } from './checkpoint.ts';
import { completeGeneration } from './complete-generation.ts';
import { decodedAhead } from './decoded-ahead.ts';
import type { Pace } from './pace.ts';
import { type Projection, schemaOf } from './projection.ts';
import { pipelinedTransactions, type Transaction, waitingTransactions } from './projection-client.ts';
import { createRest, type Rest } from './rest.ts';

const LOCK_RETRY_MS = 1_000;
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
  /** The connection that writes has ended, and not by this process: the last rows may have gone with the server. */
  onConnectionLost?(): void;
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

async function follow(signal: AbortSignal, target: Target, parts: ProjectorParts, status: ProjectorStatus): Promise<void> {
  const { projection, generation, schema } = target;
  // What is read is to have each event soon; what is being made is copied in large groups.
  const open = (pipeline: boolean) => connect(parts, schema, { pipeline });
  let client = await open(true);
  const writer = (transaction: Transaction) => ({ ...parts, client, transaction, projection, signal });
  const reconnected = async (pipeline: boolean) => {
    await client.end();
    client = await open(pipeline);
    return writer(pipeline ? pipelinedTransactions(client) : waitingTransactions(client));
  };
  try {
    let checkpoint = await takeOver(client, projection, generation);
    let writing = checkpoint.isComplete ? writer(pipelinedTransactions(client)) : await reconnected(false);
    status.position = checkpoint.position;
    if (status.state === 'standby') status.state = 'catching_up';
    parts.log.info({ projection: schema }, `the projection ${schema} goes on from position ${checkpoint.position}`);
    for await (const group of decodedAhead(parts, checkpoint.position, signal)) {
      checkpoint = await applyGroup(writing, group, checkpoint);
      const { caughtUp } = group.at(-1)!.batch;
      const count = group.reduce((sum, { batch }) => sum + batch.events.length, 0);
      status.position = checkpoint.position;
      status.applied += count;
      status.heartbeat = new Date();
      if (caughtUp && !checkpoint.isComplete) {
        parts.log.info({ projection: schema }, `the projection ${schema} is given its indexes`);
        checkpoint = await completeGeneration(writing, checkpoint);
        writing = await reconnected(true);
      }
      if (count > 0 || status.state !== 'stopped') {
        status.state = caughtUp || status.state === 'live' ? 'live' : 'catching_up';
        status.error = null;
      }
      parts.onProgress(checkpoint.position, caughtUp);
      if (parts.pace && caughtUp) await target.resting.take(parts.pace.rest(projection.gathersFor));
    }
  } finally {
    await client.end().catch(() => {});
  }
}

/**
 * A connection that loses its last rows at a crash of the server together with the checkpoint that speaks of them. Plans may be made while
 * the tables are empty, and kept: they must not be ones that scan them.
 */
async function connect(
  { connectionString, onConnectionLost }: ProjectorParts,
  schema: string,
  options: Pick<pg.ClientConfig, 'pipeline'>,
): Promise<pg.Client> {
  const client = new pg.Client({
    ...options,
    connectionString,
    application_name: `tasktrail projector ${schema}`,
    connectionTimeoutMillis: 5_000,
  });
  client.on('error', () => onConnectionLost?.());
  await client.connect();
  await client.query(
    `set search_path = ${schema}; set timezone = 'UTC'; set synchronous_commit = off; set enable_seqscan = off; set jit = off;
     set idle_in_transaction_session_timeout = ${SILENCE_MS}`,
  );
  return client;
}
