import { ErrorType, type ResolvedEvent } from '@eventstore/db-client';
import { BEGINNING, type Position, type ReadStream, type StoredEvent, UnknownPosition } from '../event-store.ts';
import { type Connection, fromLeader } from './connection.ts';
import { isOfType, mayBeMisplaced, translateReadFailure } from './failures.ts';
import { isOurs, type Names } from './names.ts';
import { toStoredEvent } from './recorded.ts';

/** A piece of `$all`, from which the events of others have been left out. */
export interface Page {
  events: StoredEvent[];
  /** How far it was read: there is nothing of ours between the last event and here. */
  end: Position;
  /** Events of others since the last of ours; those of an earlier page not counted. */
  foreign: number;
  /** Whether the event at the position asked for is another's. */
  afterForeign: boolean;
  /** Whether there was nothing after it. */
  last: boolean;
}

export interface PageSize {
  /** Events at most, those of others included. */
  count: number;
  /** No more are read once so many bytes have come. */
  bytes: number;
}

/** So many of the last events of all are searched for one of ours; farther back it makes no difference to anybody where that was. */
export const HEAD_SEARCH = 500;

/** The server counts in 64 bits, with a sign. */
const HIGHEST = 2n ** 63n - 1n;
const LARGEST_PAGE = 4_000;

export class LogReader {
  readonly #connection: Connection;
  readonly #names: Names;

  constructor(connection: Connection, names: Names) {
    this.#connection = connection;
    this.#names = names;
  }

  /** @throws StoreUnavailable */
  async stream(stream: string, { from, direction = 'forwards', limit = Infinity }: ReadStream = {}): Promise<StoredEvent[]> {
    const { namespace } = this.#names;
    const events: StoredEvent[] = [];
    if (limit <= 0) return events;
    const fromRevision = from !== undefined ? BigInt(from) : direction === 'forwards' ? 'start' : 'end';
    const maxCount = Math.min(limit, Number.MAX_SAFE_INTEGER);
    try {
      await this.#connection.read(
        (client) => client.readStream(namespace + stream, { ...fromLeader, direction, fromRevision, maxCount }),
        (resolved) => {
          if (resolved.event) events.push(toStoredEvent(resolved, namespace));
          return true;
        },
      );
    } catch (error) {
      if (!isOfType(error, ErrorType.STREAM_NOT_FOUND) && !isOfType(error, ErrorType.STREAM_DELETED)) throw translateReadFailure(error);
    }
    return events;
  }

  /** The next events of ours after a position. @throws StoreUnavailable, UnknownPosition */
  async all(after: Position, limit: number): Promise<StoredEvent[]> {
    const events: StoredEvent[] = [];
    let count = Math.min(limit, LARGEST_PAGE);
    for (let from = after; events.length < limit; ) {
      const page = await this.page(from, { count, bytes: Infinity });
      events.push(...page.events.slice(0, limit - events.length));
      if (page.last) break;
      from = page.end;
      // Where events of others stand between ours, more is to be read for as many.
      count = Math.min(Math.max(count * 2, limit - events.length), LARGEST_PAGE);
    }
    return events;
  }

  /** @throws StoreUnavailable, UnknownPosition */
  async page(after: Position, size: PageSize): Promise<Page> {
    const page: Page = { events: [], end: after, foreign: 0, afterForeign: false, last: true };
    if (after > HIGHEST) return page;
    let count = 0;
    let bytes = 0;
    const take = (resolved: ResolvedEvent): boolean => {
      count++;
      const position = positionOf(resolved);
      const ours = isOurs(resolved.event?.streamId ?? '', this.#names);
      if (position === after) page.afterForeign = !ours;
      if (position <= after) return true;
      page.end = position;
      page.foreign++;
      if (ours) {
        const event = toStoredEvent(resolved, this.#names.namespace);
        page.events.push(event);
        page.foreign = 0;
        bytes += event.data.length + event.metadata.length;
      }
      return bytes < size.bytes;
    };
    // The position read from is read itself.
    const maxCount = size.count + 1;
    const fromPosition = after === BEGINNING ? 'start' : { commit: after, prepare: after };
    try {
      await this.#connection.read((client) => client.readAll({ ...fromLeader, fromPosition, maxCount }), take);
    } catch (error) {
      throw mayBeMisplaced(error) && (await this.#canBeRead()) ? new UnknownPosition(after) : translateReadFailure(error);
    }
    page.last = count < maxCount && bytes < size.bytes;
    return page;
  }

  /**
   * The position of our last event, or of the last event of all when a long run of others' stands behind it. No subscription hands over
   * a position beyond it, as long as that one tells of positions between others' events only behind such a run. @throws StoreUnavailable
   */
  async head(): Promise<Position> {
    const { ours, end } = await this.#searchBackwards();
    return ours ?? end;
  }

  /** The position of our last event, if it is among the last events of all. @throws StoreUnavailable */
  async latest(): Promise<Position | undefined> {
    return (await this.#searchBackwards()).ours;
  }

  /** The position of the last event of all, whosever it is. @throws StoreUnavailable */
  async end(): Promise<Position> {
    const [last] = await this.#latest(1);
    return last ? positionOf(last) : BEGINNING;
  }

  async #searchBackwards(): Promise<{ ours: Position | undefined; end: Position }> {
    let latest: ResolvedEvent[] = [];
    for (const count of [1, 25, HEAD_SEARCH]) {
      latest = await this.#latest(count);
      const ours = latest.find(({ event }) => isOurs(event?.streamId ?? '', this.#names));
      if (ours) return { ours: positionOf(ours), end: positionOf(latest[0]!) };
      if (latest.length < count) return { ours: undefined, end: BEGINNING };
    }
    return { ours: undefined, end: positionOf(latest[0]!) };
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

function positionOf({ event, link, commitPosition }: ResolvedEvent): Position {
  return (link ?? event)?.position?.commit ?? commitPosition ?? BEGINNING;
}
