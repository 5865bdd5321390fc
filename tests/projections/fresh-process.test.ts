import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeEvents, encodeEvents, type Keys } from '../../src/events/codec.ts';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import type { RecordedTaskEvent } from '../../src/events/recorded-event.ts';
import { allProjections } from '../../src/projections/all-projections.ts';
import { type Bench, openBench } from './project.ts';
import { randomHistory } from './random-history.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench?.close());

/** The events as the process that wrote them has them, and as another process reads them from the store. */
async function liveAndFresh(events: readonly RecordedTaskEvent[]) {
  const database = new Map<string, { id: string; subject: string; wrapped: Buffer }>();
  const query = async (_: string, [ids]: [string[]]) => ({ rows: ids.flatMap((id) => database.get(id) ?? []) });
  const vault = () => createKeyVault({ query } as never, 'the master key of these tests, long enough');
  const sealing = vault();
  const [task, author] = [sealing.create('task-any'), sealing.create('user-any')];
  for (const { wrapped } of [task, author]) database.set(wrapped.id, wrapped);
  const keys = { task: task.key, author: author.key } satisfies Keys;
  const live: RecordedTaskEvent[] = [];
  const stored = events.map(({ metadata, type, data, stream, revision, position }) => {
    const { event_id: _, schema_version: __, key_ids: ___, hash, ...context } = metadata;
    const { encoded, recorded } = encodeEvents(
      [{ type, data } as RecordedTaskEvent],
      { stream, revision, previousHash: hash },
      context,
      keys,
    );
    live.push({ ...recorded[0]!, position } as RecordedTaskEvent);
    const bytes = { metadata: Buffer.from(encoded[0]!.metadata), data: Buffer.from(encoded[0]!.data) };
    return { ...encoded[0]!, ...bytes, stream, revision, position };
  });
  return { live, fresh: await decodeEvents(stored, vault()) };
}

test('a rebuild in a process that did not write the events makes the same rows, in all columns', async () => {
  await fc.assert(
    fc.asyncProperty(randomHistory, async ({ events }) => {
      const { live, fresh } = await liveAndFresh(events as readonly RecordedTaskEvent[]);
      for (const projection of allProjections) {
        const [first, again] = [await bench.project(projection, live), await bench.project(projection, fresh)];
        expect([projection.name, JSON.stringify(again)]).toEqual([projection.name, JSON.stringify(first)]);
      }
    }),
    { numRuns: 10 },
  );
});
