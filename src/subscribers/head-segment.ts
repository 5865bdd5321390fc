import type { HeadsFile } from '../events/integrity/heads-file.ts';
import { createLogDigest, type LogDigest } from '../events/integrity/log-digest.ts';
import { type Head, readHead, signHead } from '../events/integrity/signed-head.ts';
import type { SigningKey } from '../events/integrity/signing-key.ts';
import { formatPosition, type StoredEvent } from '../events/store/event-store.ts';

export interface SegmentParts {
  logId: string;
  key: SigningKey;
  last: Head | null;
  onSigned(head: Head): void;
}

/** The events since the last head, which the next one is to speak for. */
export class Segment {
  readonly #file: HeadsFile;
  readonly #parts: SegmentParts;
  #last: Head | null;
  #digest: LogDigest;
  #event: StoredEvent | undefined;

  constructor(file: HeadsFile, parts: SegmentParts) {
    this.#file = file;
    this.#parts = parts;
    this.#last = parts.last;
    this.#digest = createLogDigest(parts.last?.hash);
  }

  get events(): number {
    return this.#digest.events;
  }

  add(event: StoredEvent): void {
    this.#digest.add(event);
    this.#event = event;
  }

  /** Milliseconds until the next head is to be signed: at once where there was none, never where nothing came. */
  dueIn(after: number): number {
    if (this.events === 0) return Infinity;
    return this.#last ? Math.min(Math.max(0, Date.parse(this.#last.at) + after - Date.now()), after) : 0;
  }

  async sign(): Promise<void> {
    const { logId, key, onSigned } = this.#parts;
    const { stream, revision, id, position } = this.#event!;
    const line = signHead(
      {
        position: formatPosition(position),
        events: (this.#last?.events ?? 0) + this.events,
        hash: this.#digest.finish(),
        previous: this.#last?.hash ?? null,
        ...{ stream, revision, event_id: id },
        at: new Date().toISOString(),
        log_id: logId,
      },
      key,
    );
    await this.#file.append(line);
    this.#last = readHead(line);
    this.#digest = createLogDigest(this.#last.hash);
    onSigned(this.#last);
  }
}
