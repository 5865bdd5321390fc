import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { created, edited, owner, recorded } from '../support/happenings.ts';
import { openReadSide, type ReadSide } from './read-side.ts';

const TASKS = 60;
const CHANGED_SINCE = 5;
let readSide: ReadSide;

beforeAll(async () => {
  readSide = await openReadSide();
});
afterAll(() => readSide?.close());

/** From now on each text that words are made of counts. */
async function countTexts(): Promise<() => Promise<number>> {
  await readSide.pool.query(`create sequence texts_read;
    alter function listing_v1.words(text) rename to plain_words;
    create function listing_v1.words(content text) returns tsvector language plpgsql volatile as $$
      begin perform nextval('texts_read'); return listing_v1.plain_words(content); end $$`);
  return async () => {
    const { rows } = await readSide.pool.query('select case when is_called then last_value else 0 end::int as n from texts_read');
    return rows[0].n;
  };
}

test('a search as of a time makes words of what has changed since, and of nothing else', async () => {
  const task = (n: number) => `00000000-0000-7000-8000-0000000003${n + 10}`;
  const before = Array.from({ length: TASKS }, (_, n) => recorded([created({ title: `Water plant ${n}` })], { task: task(n) })).flat();
  const since = Array.from({ length: CHANGED_SINCE }, (_, n) =>
    recorded([created({ title: `Water plant ${n}` }), edited({ title: { from: `Water plant ${n}`, to: 'Feed the cat' } })], {
      task: task(n),
    }).slice(1),
  ).flat();
  const events = [...before, ...since].map((event, n) => ({ ...event, position: BigInt(n + 1) }));
  await readSide.happened(events);
  const read = await countTexts();
  const reader = { id: owner, isAdmin: false };
  const list = { reader, today: '2026-01-05', scope: 'all', sort: { by: 'created_at', descending: true }, asOf: String(TASKS) } as const;
  const { total } = await readSide.queries.listTasks({ ...list, filters: { search: 'water' } }, { by: 'page', page: 1, size: 10 });
  expect(total).toBe(TASKS);
  // Title and description of each, and the word that is searched for.
  expect(await read()).toBeLessThan(CHANGED_SINCE * 6);
});
