import type { ResolvedEvent } from '@eventstore/db-client';
import { BEGINNING, type MissingStream, type Position } from '../event-store.ts';
import type { Names } from './names.ts';
import type { LogReader } from './read-log.ts';

/** What a soft delete sets `$tb` to: no event of a stream can stand there. */
const DELETED_BEFORE = 9_000_000_000_000_000_000n;
const PAGE = 500;

/**
 * Streams of ours that were deleted or cut short in EventStoreDB, past this service: by tombstones and by the streams' metadata, which
 * a scavenge keeps. Each look reads what has come since the last one.
 */
export class MissingStreams {
  readonly #reader: LogReader;
  readonly #names: Names;
  readonly #log: (line: string) => void;
  readonly #missing = new Map<string, MissingStream>();
  #lookedTo: Position = BEGINNING;
  #looking: Promise<void> | undefined;

  constructor(reader: LogReader, names: Names, log: (line: string) => void) {
    this.#reader = reader;
    this.#names = names;
    this.#log = log;
  }

  /** @throws StoreUnavailable */
  async look(): Promise<MissingStream[]> {
    this.#looking ??= this.#readOn().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
    return [...this.#missing.values()];
  }

  /** The log may be another one from here on. */
  forget(): void {
    this.#missing.clear();
    this.#lookedTo = BEGINNING;
  }

  async #readOn(): Promise<void> {
    const filter = { types: ['$streamDeleted', '$metadata'] };
    for (let isLast = false; !isLast; ) {
      const page = await this.#reader.filtered({ filter, after: this.#lookedTo, count: PAGE });
      for (const event of page.events) this.#take(event);
      this.#lookedTo = page.end;
      isLast = page.last;
    }
  }

  #take({ event }: ResolvedEvent): void {
    if (!event) return;
    const position = event.position?.commit ?? BEGINNING;
    const isTombstone = event.type === '$streamDeleted';
    const name = isTombstone ? event.streamId : event.streamId.replace(/^\$\$/, '');
    if (!this.#names.isStream(name) || (!isTombstone && name === event.streamId)) return;
    const stream = name.slice(this.#names.namespace.length);
    const how = isTombstone ? 'was deleted for good' : damageOf(event.data);
    if (this.#missing.get(stream)?.how === 'was deleted for good') return;
    if (how === undefined) {
      this.#missing.delete(stream);
      return;
    }
    this.#missing.set(stream, { stream, position, how });
    this.#log(`stream ${stream} ${how} in EventStoreDB, at position ${position}: what it held is missing`);
  }
}

/** What the metadata of a stream does to its events; undefined when nothing. */
function damageOf(data: unknown): string | undefined {
  const bytes = data instanceof Uint8Array ? Buffer.from(data).toString() : JSON.stringify(data ?? {});
  // As text, for a soft delete sets a number that no `Number` holds.
  const before = /"\$tb"\s*:\s*(\d+(?:\.\d+)?(?:e\+?\d+)?)/i.exec(bytes)?.[1];
  if (before !== undefined && Number(before) >= Number(DELETED_BEFORE)) return 'was deleted';
  if (before !== undefined && Number(before) > 0) return `was truncated before revision ${before}`;
  return /"\$max(Count|Age)"\s*:\s*[1-9]/.test(bytes) ? 'was given a limit by which its events are dropped' : undefined;
}
