import { createHash } from 'node:crypto';
import type { StoredEvent } from '../store/event-store.ts';

/** A digest of events in their order: two logs with the same one hold the same bytes, in the same streams, in the same global order. */
export interface LogDigest {
  add(event: StoredEvent): void;
  readonly events: number;
  /** SHA-256 in hexadecimal digits, of the events so far. May be asked for once. */
  finish(): string;
}

/** @param before the digest of the events that went before, where this one is to stand for them too */
export function createLogDigest(before = ''): LogDigest {
  const sha256 = createHash('sha256').update(before);
  let events = 0;
  return {
    add({ stream, revision, id, type, metadata, data }) {
      events++;
      sha256.update(JSON.stringify([stream, revision, id, type, metadata.length, data.length]));
      sha256.update(metadata);
      sha256.update(data);
    },
    get events() {
      return events;
    },
    finish: () => sha256.digest('hex'),
  };
}
