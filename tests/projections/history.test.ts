import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { history } from '../../src/projections/history/history.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import { commented, created, deleted, edited, type Happening, owner, recorded, taskId, transitioned } from '../support/happenings.ts';
import { type Bench, openBench, type Tables } from './project.ts';
import { randomHistory } from './random-history.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
jest.setTimeout(60_000);

/** given(what happened): the rows, the same when the events come one by one or twice. */
async function given(events: readonly RecordedEvent[]): Promise<Tables> {
  const rows = await bench.project(history, events);
  expect(await bench.project(history, ...events.flatMap((event) => [[event], [event]]))).toEqual(rows);
  expect(await bench.project(history, events, events)).toEqual(rows);
  return rows;
}

function at(position: number, rows: Tables[string]): Tables[string] {
  return rows
    .filter(({ valid_from, valid_to }) => Number(valid_from) <= position && (valid_to === null || position < Number(valid_to)))
    .map(({ valid_from: position, valid_to: _, entered_from: __, entered_at: ___, started_at: ____, spent: _____, ...row }) => ({
      ...row,
      position,
    }));
}

describe('the history', () => {
  test('has a row for each version, each valid until the next', async () => {
    const { versions } = await given(
      recorded([created(), transitioned('todo', 'done'), edited({ title: { from: 'Water the plants', to: 'x' } }), deleted()]),
    );
    const ranges = versions!.map(({ valid_from, valid_to, status, title, deleted_at }) => [
      valid_from,
      valid_to,
      status,
      title,
      deleted_at !== null,
    ]);
    expect(ranges.sort()).toEqual([
      [1, 2, 'todo', 'Water the plants', false],
      [2, 3, 'done', 'Water the plants', false],
      [3, 4, 'done', 'x', false],
      [4, null, 'done', 'x', true],
    ]);
  });

  test('at every position, is the listing as it was there', async () => {
    await fc.assert(
      fc.asyncProperty(randomHistory, async ({ events, batches }) => {
        const { versions } = await bench.project(history, ...batches);
        for (const cut of [1, Math.ceil(events.length / 3), Math.ceil((2 * events.length) / 3), events.length]) {
          const { tasks } = await bench.project(listing, events.slice(0, cut));
          const then = at(Number(events[cut - 1]!.position), versions!);
          expect(then.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort()).toEqual(
            tasks!.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort(),
          );
        }
      }),
      { numRuns: 10 },
    );
  });

  test('knows what comments said, until their author is erased', async () => {
    const comment_id = '00000000-0000-7000-8000-0000000000c1';
    const rewritten: Happening = {
      type: 'CommentEdited',
      data: { comment_id, author_id: owner, content: { from: 'Well done', to: 'Nearly' }, mentions: { from: [], to: [] } },
    };
    const events = recorded([created(), commented(comment_id), rewritten]) as RecordedEvent[];
    expect((await given(events)).comment_versions).toMatchObject([
      { content: 'Nearly', valid_from: 3, valid_to: null },
      { content: 'Well done', valid_from: 2, valid_to: 3 },
    ]);
    const [erased] = recorded([created()], { position: 9n });
    const gone = { ...erased!, stream: `user-${owner}`, type: 'UserErased', data: { transfer_to: null } } as unknown as RecordedEvent;
    expect((await given([...events, gone])).comment_versions).toMatchObject([{ content: '' }, { content: '' }]);
  });

  test('a task that went with its owner’s account says nothing in any version', async () => {
    const gone = deleted();
    (gone.data as { reason: string }).reason = 'erased';
    const { versions } = await given(recorded([created(), edited({ title: { from: 'Water the plants', to: 'x' } }), gone]));
    expect(versions!.map(({ title }) => title)).toEqual(['', '', '']);
  });

  test('time does not go back with the clock of one instance', async () => {
    const events = recorded([created(), edited({}), edited({}), edited({})]);
    const seconds = [10, 30, 20, 40];
    const told = events.map((event, n) => ({
      ...event,
      metadata: { ...event.metadata, occurred_at: `2026-01-02T03:00:${seconds[n]}.000Z` },
    }));
    const { moments } = await given(told as RecordedEvent[]);
    expect(moments!.map(({ position, effective_at }) => [position, String(effective_at).slice(17, 19)]).sort()).toEqual([
      [1, '10'],
      [2, '30'],
      [4, '40'],
    ]);
  });

  test('is about tasks only', async () => {
    const { versions } = await given(recorded([created()]));
    expect(versions).toMatchObject([{ id: taskId }]);
  });
});
