import { ErrorType, type ResolvedEvent } from '@eventstore/db-client';
import { BEGINNING, type Position, type ReadStream, type StoredEvent, UnknownPosition } from '../event-store.ts';
import { type Connection, fromLeader } from './connection.ts';
import { isOfType, mayBeMisplaced, translateReadFailure } from './failures.ts';
import { type Filter, readFiltered } from './filtered-read.ts';
import type { ForeignEvents } from './foreign-events.ts';
import type { Names } from './names.ts';
import { candidateOf, toStoredEvent } from './recorded.ts';

/** A piece of `$all`, from which the events of others have been left out. */
export interface Page {
  events: StoredEvent[];
  /** How far it was read: there is nothing of ours between the last event and here. */
  end: Position;
  /** Whether there was nothing after it. */
  last: boolean;
}

export interface PageSize {
  /** Events at most, those of others in streams named like ours included. */
  count: number;
  /** No more are read once so many bytes have come. */
  bytes: number;
}

export interface LogReaderOptions {
  connection: Pick<Connection, 'read'>;
  names: Names;
  foreign: ForeignEvents;
  /** A page of `$all` was read. */
  onPage?: (() => void) | undefined;
}

/** The server counts in 64 bits, with a sign. */
const HIGHEST = 2n ** 63n - 1n;
const LARGEST_PAGE = 4_000;
/**
 * How long the server may search a log for events of ours before the first comes, in milliseconds: it says nothing meanwhile. A
 * frozen server is noticed sooner, by every other call. The limit is an assumption: how fast the server searches was not measured.
 */
const SEARCH_TIMEOUT_MS = 60_000;

export class LogReader {
  readonly #connection: Pick<Connection, 'read'>;
  readonly #names: Names;
  readonly #foreign: ForeignEvents;
  readonly #onPage: (() => void) | undefined;
  /** Our last event, and how far the log was searched for it. */
  #searched: { ours: Position; end: Position } | undefined;

  constructor({ connection, names, foreign, onPage }: LogReaderOptions) {
    this.#connection = connection;
    this.#names = names;
    this.#foreign = foreign;
    this.#onPage = onPage;
  }

  /** What was learnt about the log may not hold any more. */
  forget(): void {
    this.#searched = undefined;
  }

  /** @throws StoreUnavailable */
  async stream(stream: string, options: ReadStream = {}): Promise<StoredEvent[]> {
    const { direction = 'forwards', limit = Infinity, foreign = false } = options;
    const events: StoredEvent[] = [];
    let from = options.from !== undefined ? BigInt(options.from) : undefined;
    while (events.length < limit) {
      const { read, last } = await this.#streamPage(stream, { from, direction, limit: limit - events.length, foreign }, events);
      // Where events of others stand in the stream, fewer of ours came than there may be.
      if (last === undefined || read < limit - events.length || events.length >= limit) break;
      from = direction === 'forwards' ? last + 1n : last - 1n;
      if (from < 0n) break;
    }
    return events;
  }

  async #streamPage(
    stream: string,
    { from, direction, limit, foreign }: { from: bigint | undefined; direction: 'forwards' | 'backwards'; limit: number; foreign: boolean },
    events: StoredEvent[],
  ): Promise<{ read: number; last: bigint | undefined }> {
    const fromRevision = from ?? (direction === 'forwards' ? 'start' : 'end');
    const maxCount = Math.min(limit, Number.MAX_SAFE_INTEGER);
    let read = 0;
    let last: bigint | undefined;
    try {
      await this.#connection.read(
        (client) => client.readStream(this.#names.namespace + stream, { ...fromLeader, direction, fromRevision, maxCount }),
        (resolved) => {
          read++;
          last = resolved.event?.revision;
          const event = this.#own(resolved, stream) ?? (foreign ? readable(resolved, this.#names) : undefined);
          if (event) events.push(event);
          return true;
        },
      );
    } catch (error) {
      if (!isOfType(error, ErrorType.STREAM_NOT_FOUND) && !isOfType(error, ErrorType.STREAM_DELETED)) throw translateReadFailure(error);
    }
    return { read, last };
  }

  /** The event as one of ours; undefined, and counted, when it is another's. @param asked the stream that was asked for by name */
  #own(resolved: ResolvedEvent, asked?: string): StoredEvent | undefined {
    const candidate = candidateOf(resolved);
    if (candidate === undefined) return undefined;
    // The stream with the identity of the log is read by its name alone.
    const isAsked = asked !== undefined && !this.#names.isStream(candidate.stream) && candidate.stream === this.#names.namespace + asked;
    if (isAsked || this.#names.isOwn(candidate)) return toStoredEvent(resolved, this.#names.namespace);
    this.#countForeign(resolved);
    return undefined;
  }

  #countForeign(resolved: ResolvedEvent): void {
    const { event } = resolved;
    // A tombstone is no event of anybody: see MissingStreams.
    if (!event || event.type === '$streamDeleted') return;
    const isSafe = event.revision <= BigInt(Number.MAX_SAFE_INTEGER);
    this.#foreign.add({
      stream: event.streamId.slice(this.#names.namespace.length),
      revision: isSafe ? Number(event.revision) : undefined,
      type: event.type,
      position: positionOf(resolved),
      isInOwnStream: this.#names.isStream(event.streamId),
    });
  }

  /** What a subscription was sent, as one of ours; undefined, and counted, when it is another's. */
  recognised(resolved: ResolvedEvent): StoredEvent | undefined {
    return this.#own(resolved);
  }

  /** The next events of ours after a position. @throws StoreUnavailable, UnknownPosition */
  async all(after: Position, limit: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    for (let from = after; events.length < limit; ) {
      const page = await this.page(from, { count: Math.min(limit - events.length, LARGEST_PAGE), bytes: Infinity });
      events.push(...page.events);
      if (page.last) break;
      from = page.end;
    }
    return events;
  }

  /** @throws StoreUnavailable, UnknownPosition */
  async page(after: Position, { count, bytes }: PageSize): Promise<Page> {
    const events: StoredEvent[] = [];
    let size = 0;
    const take = (resolved: ResolvedEvent): boolean => {
      const event = this.#own(resolved);
      if (event) {
        events.push(event);
        size += event.data.length + event.metadata.length;
      }
      return size < bytes;
    };
    const { end, last } = await this.#readFiltered({ filter: { streams: this.#names.prefixes }, after, count }, take);
    return { events, end, last };
  }

  /** The next events that pass a filter, whosever they are. @throws StoreUnavailable, UnknownPosition */
  async filtered(read: {
    filter: Filter;
    after: Position;
    count: number;
  }): Promise<{ events: ResolvedEvent[]; end: Position; last: boolean }> {
    const events: ResolvedEvent[] = [];
    return { events, ...(await this.#readFiltered(read, (event) => events.push(event) > 0)) };
  }

  /** @param take answers whether it takes more */
  async #readFiltered(
    { filter, after, count }: { filter: Filter; after: Position; count: number },
    take: (event: ResolvedEvent) => boolean,
  ): Promise<{ end: Position; last: boolean }> {
    if (after > HIGHEST) return { end: after, last: true };
    // Where the log ends before it is searched: what the search does not find up to there is not there.
    const logEnd = await this.end();
    let read = 0;
    let end = after;
    let hasRoom = true;
    const from = after === BEGINNING ? ('start' as const) : after;
    // The position read from is read itself.
    const maxCount = count + 1;
    this.#onPage?.();
    try {
      await this.#connection.read(
        (client) => readFiltered(client, { filter, direction: 'forwards', from, maxCount }),
        (resolved) => {
          read++;
          const position = positionOf(resolved);
          if (position <= after) return true;
          end = position;
          hasRoom = take(resolved);
          return hasRoom;
        },
        { timeoutMs: SEARCH_TIMEOUT_MS },
      );
    } catch (error) {
      throw mayBeMisplaced(error) && (await this.#canBeRead()) ? new UnknownPosition(after) : translateReadFailure(error);
    }
    const last = read < maxCount && hasRoom;
    return { end: last && logEnd > end ? logEnd : end, last };
  }

  /** The position of our last event; BEGINNING when there is none. @throws StoreUnavailable */
  async head(): Promise<Position> {
    const [last] = await this.#latest(1);
    if (!last) return BEGINNING;
    const end = positionOf(last);
    const candidate = candidateOf(last);
    let ours: Position;
    if (candidate && this.#names.isOwn(candidate)) ours = end;
    else if (this.#searched === undefined || this.#searched.end > end) ours = await this.#searchBackwards();
    else ours = (await this.#lastAfter(this.#searched.end)) ?? this.#searched.ours;
    const searched = { ours, end: end > ours ? end : ours };
    if (this.#searched === undefined || searched.end > this.#searched.end) this.#searched = searched;
    return ours;
  }

  /** The position of the last event of all, whosever it is. @throws StoreUnavailable */
  async end(): Promise<Position> {
    const [last] = await this.#latest(1);
    return last ? positionOf(last) : BEGINNING;
  }

  async #lastAfter(after: Position): Promise<Position | undefined> {
    let ours: Position | undefined;
    for (let page: Page | undefined; page?.last !== true; ) {
      page = await this.page(page?.end ?? after, { count: LARGEST_PAGE, bytes: Infinity });
      ours = page.events.at(-1)?.position ?? ours;
    }
    return ours;
  }

  async #searchBackwards(): Promise<Position> {
    const filter = { streams: this.#names.prefixes };
    let from: Position | 'end' = 'end';
    for (let count = 1; ; count = Math.min(count * 32, LARGEST_PAGE)) {
      const read: ResolvedEvent[] = [];
      try {
        await this.#connection.read(
          (client) => readFiltered(client, { filter, direction: 'backwards', from, maxCount: count }),
          (resolved) => read.push(resolved) > 0,
          { timeoutMs: SEARCH_TIMEOUT_MS },
        );
      } catch (error) {
        throw translateReadFailure(error);
      }
      const ours = read.find((resolved) => {
        const candidate = candidateOf(resolved);
        return candidate !== undefined && this.#names.isOwn(candidate);
      });
      if (ours) return positionOf(ours);
      if (read.length < count) return BEGINNING;
      from = positionOf(read.at(-1)!);
    }
  }

  async #latest(maxCount: number): Promise<ResolvedEvent[]> {
    const latest: ResolvedEvent[] = [];
    try {
      await this.#connection.read(
        (client) => client.readAll({ ...fromLeader, direction: 'backwards', fromPosition: 'end', maxCount }),
        (event) => latest.push(event) > 0,
      );
    } catch (error) {
      throw translateReadFailure(error);
    }
    return latest;
  }

  /** Whether reading from elsewhere succeeds: then it was the position that was wrong. */
  #canBeRead(): Promise<boolean> {
    return this.#latest(1).then(
      () => true,
      () => false,
    );
  }
}

/** An event of another as it stands, for those who verify a stream; undefined where its revision is beyond what a number holds. */
function readable(resolved: ResolvedEvent, { namespace }: Names): StoredEvent | undefined {
  const isSafe = resolved.event !== undefined && resolved.event.revision <= BigInt(Number.MAX_SAFE_INTEGER);
  return isSafe ? toStoredEvent(resolved, namespace) : undefined;
}

export function positionOf({ event, link, commitPosition }: ResolvedEvent): Position {
  return (link ?? event)?.position?.commit ?? commitPosition ?? BEGINNING;
}
