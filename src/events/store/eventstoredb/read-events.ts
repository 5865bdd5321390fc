import type { Place, StoredEvent } from '../event-store.ts';
import type { LogReader } from './read-log.ts';

/** Streams that are read at once. */
const AT_ONCE = 16;
/** So many events between two that are wanted are read along, rather than asked for anew. */
const READ_ALONG = 16;

/** The events at these places, in global order: from each stream, in as few reads as make sense. @throws StoreUnavailable */
export async function readEvents(reader: Pick<LogReader, 'stream'>, places: readonly Place[]): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  const runs = runsOf(places);
  const readNext = async () => {
    for (let run = runs.pop(); run !== undefined; run = runs.pop()) {
      const { stream, revisions } = run;
      const [from, last] = [revisions[0]!, revisions.at(-1)!];
      const wanted = new Set(revisions);
      const read = await reader.stream(stream, { from, limit: last - from + 1 });
      events.push(...read.filter(({ revision }) => wanted.has(revision)));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, runs.length) }, readNext));
  return events.sort((a, b) => (a.position < b.position ? -1 : 1));
}

interface Run {
  stream: string;
  revisions: number[];
}

function runsOf(places: readonly Place[]): Run[] {
  const runs: Run[] = [];
  const latest = new Map<string, Run>();
  for (const { stream, revision } of [...places].sort((a, b) => a.revision - b.revision)) {
    const run = latest.get(stream);
    if (run && revision - run.revisions.at(-1)! <= READ_ALONG) run.revisions.push(revision);
    else {
      const next = { stream, revisions: [revision] };
      latest.set(stream, next);
      runs.push(next);
    }
  }
  return runs;
}
