import { encodeEvents, eventIdOf } from '../events/codec.ts';
import type { EventContext, EventMetadata } from '../events/metadata.ts';
import { eventAt } from '../events/store/event-at.ts';
import { type EventStore, type Position, type StoredEvent, WrongExpectedRevision } from '../events/store/event-store.ts';
import { type UserEvent, userStream } from '../events/user/user-events.ts';
import type { Logger } from '../platform/logging.ts';
import { Pause } from '../platform/pause.ts';
import type { Database } from './database.ts';

export interface OutboxRelayOptions {
  database: Database;
  store: EventStore;
  log: Logger;
  /** Told of each append that succeeded: whose account it is about, and who did it when that is somebody else. */
  onAppended?: (userId: string, position: Position) => void;
  /** Milliseconds after which a relay that took a row and was not heard of again is taken for dead. */
  claimFor?: number;
  /** Milliseconds between two looks for what another instance left behind, or what could not be appended. */
  pollEvery?: number;
}

export interface OutboxRelay {
  /** Tries to append what was committed before this call; returns when it has, or could not just now. */
  flush(): Promise<void>;
  /** How much of it waits, and since when: null when nothing does. @throws DatabaseUnavailable */
  backlog(): Promise<{ waiting: number; oldest: Date | null }>;
  close(): Promise<void>;
}

interface Fact {
  id: string;
  userId: string;
  revision: number;
  events: UserEvent[];
  context: EventContext;
  attempts: number;
}

const PAGE = 100;

/**
 * Carries the outbox into the event store. Several relays may run at once, and one may die or sleep at any point: rows are claimed for
 * a while only, and an append that is made again carries the same ids to the same revisions, which the store takes for a success.
 */
export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { database, log, pollEvery = 1_000 } = options;
  const pause = new Pause();
  let flushes: (() => void)[] = [];
  let isClosed = false;

  const keepRelaying = async () => {
    for (let isFailing = false; !isClosed; await pause.sleep(pollEvery)) {
      const waiting = flushes;
      flushes = [];
      try {
        await relayAll(options);
        isFailing = false;
      } catch (error) {
        if (!isFailing) log.error({ error }, 'the outbox of account events cannot be read; it is tried again');
        isFailing = true;
      }
      for (const done of waiting) done();
    }
  };
  const relaying = keepRelaying();

  return {
    flush: () =>
      new Promise((resolve) => {
        if (isClosed) return resolve();
        flushes.push(resolve);
        pause.wake();
      }),
    async backlog() {
      const rows = await database.rows<{ waiting: number; oldest: Date | null }>(
        'select count(*)::integer as waiting, min(written_at) as oldest from accounts.outbox',
      );
      return rows[0]!;
    },
    async close() {
      isClosed = true;
      pause.wake();
      await relaying;
      for (const done of flushes) done();
    },
  };
}

async function relayAll(options: OutboxRelayOptions): Promise<void> {
  const { database, claimFor = 10_000 } = options;
  for (;;) {
    const facts = await database.rows<Fact>(claim, [claimFor, PAGE]);
    if (facts.length === 0) return;
    const appended = (await Promise.all(facts.map((fact) => relay(options, fact)))).flat();
    await database.rows('delete from accounts.outbox where id = any($1)', [appended]);
  }
}

/** @returns what is done with: the fact's id, or nothing when it has to be tried again */
async function relay({ database, store, log, onAppended }: OutboxRelayOptions, fact: Fact): Promise<string[]> {
  try {
    const { position } = await append(store, fact);
    for (const person of new Set([fact.userId, fact.context.actor.id])) onAppended?.(person, position);
    return [fact.id];
  } catch (error) {
    const { userId, revision, attempts } = fact;
    log.error({ error, user_id: userId, revision, attempts }, 'an account event could not be recorded; it is tried again');
    await database.rows(postpone, [fact.id, String(error)]);
    return [];
  }
}

async function append(store: EventStore, fact: Fact): Promise<{ position: Position }> {
  try {
    const { userId, revision } = fact;
    const before = revision === 0 ? undefined : await eventAt(store, userStream(userId), revision - 1);
    if (revision > 0 && !before) return await appendBehindOthers(store, fact);
    return await appendAt(store, fact, revision, before);
  } catch (error) {
    if (!(error instanceof WrongExpectedRevision)) throw error;
    return appendBehindOthers(store, fact, error);
  }
}

/**
 * Where events of another application stand in the account's stream, ours stand at higher revisions than the outbox counts.
 * @throws the refusal, when there are none
 */
async function appendBehindOthers(store: EventStore, fact: Fact, refusal?: WrongExpectedRevision): Promise<{ position: Position }> {
  const stream = userStream(fact.userId);
  const all = await store.readStream(stream, { foreign: true });
  const own = await store.readStream(stream);
  const recorded = own.find(({ id }) => id === eventIdOf(fact.context, fact.events.length - 1));
  if (recorded) return recorded;
  const isExpected = all.length > own.length && own.length === fact.revision;
  if (!isExpected) throw refusal ?? new Error(`Stream ${stream} has no revision ${fact.revision - 1}`);
  return appendAt(store, fact, all.at(-1)!.revision + 1, own.at(-1));
}

function appendAt(store: EventStore, { userId, events, context }: Fact, revision: number, before: StoredEvent | undefined) {
  const stream = userStream(userId);
  const previousHash = before ? (JSON.parse(before.metadata.toString()) as EventMetadata).hash : '';
  const { encoded } = encodeEvents(events, { stream, revision, previousHash }, context, {});
  return store.append({ stream, expectedRevision: revision === 0 ? 'no_stream' : revision - 1, events: encoded });
}

// Only the first of each account: the others follow it in the stream.
const claim = `
  update accounts.outbox set claimed_until = now() + $1 * interval '1 millisecond', attempts = attempts + 1
   where id in (
     select id from accounts.outbox as candidate
      where (claimed_until is null or claimed_until < now())
        and not exists (select from accounts.outbox as earlier
                         where earlier.user_id = candidate.user_id and earlier.revision < candidate.revision)
      order by id limit $2 for update skip locked)
  returning id, user_id as "userId", revision, events, context, attempts`;

const postpone = `
  update accounts.outbox set error = $2, claimed_until = now() + least(60, 0.25 * power(2, least(attempts, 10))) * interval '1 second'
   where id = $1`;
