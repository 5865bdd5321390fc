import type { StoredEvent } from '../store/event-store.ts';
import { createLogDigest, type LogDigest } from './log-digest.ts';
import type { Head } from './signed-head.ts';

/** Holds a log, event by event from the first one on, against its signed heads. */
export interface HeadsCheck {
  /** @returns what is wrong with the events since the last head, when this is the event of a head */
  add(event: StoredEvent): string | null;
  /** @returns what is wrong when this was the last event of the log */
  finish(): string | null;
  /** Events after the last head: nothing protects them yet. */
  readonly unsigned: number;
}

/** The computation begins anew at each head, from what was signed, so that one change is one fault. */
export function checkHeads(heads: readonly Head[]): HeadsCheck {
  const indexes = new Map(heads.map(({ event_id }, index) => [event_id, index]));
  let awaited = 0;
  let digest = createLogDigest();
  let since = 'from the beginning of the log';

  const judge = (index: number, event: StoredEvent): string | null => {
    const head = heads[awaited]!;
    const upTo = `${since} up to position ${event.position}`;
    if (index > awaited) return `${upTo}: the event of a signed head is missing, ${describe(head)}`;
    return compare(digest, head, heads[awaited - 1], upTo);
  };

  return {
    add(event) {
      digest.add(event);
      const index = indexes.get(event.id);
      if (index === undefined || index < awaited || !isOf(heads[index]!, event)) return null;
      const fault = judge(index, event);
      awaited = index + 1;
      digest = createLogDigest(heads[index]!.hash);
      since = `after position ${event.position}`;
      return fault;
    },
    finish() {
      const [head, last] = [heads[awaited], heads.at(-1)];
      if (!head || !last) return null;
      return `${since}: the log ends before what was signed, ${describe(last)}: its end was cut off, or dropped in part`;
    },
    get unsigned() {
      return awaited === heads.length ? digest.events : 0;
    },
  };
}

function isOf(head: Head, { stream, revision }: StoredEvent): boolean {
  return head.stream === stream && head.revision === revision;
}

function compare(digest: LogDigest, head: Head, before: Head | undefined, upTo: string): string | null {
  const signed = head.events - (before?.events ?? 0);
  const surplus = digest.events - signed;
  if (surplus !== 0) {
    const count = Math.abs(surplus) === 1 ? 'one event' : `${Math.abs(surplus)} events`;
    return `${upTo}: ${count} ${surplus < 0 ? 'fewer: dropped' : 'more: inserted'} since ${head.at}, when ${signed} were signed`;
  }
  return digest.finish() === head.hash ? null : `${upTo}: not the events that were signed at ${head.at}: changed or reordered`;
}

function describe({ events, stream, revision, at }: Head): string {
  return `event ${events} of the log (revision ${revision} of ${stream}), signed at ${at}`;
}
