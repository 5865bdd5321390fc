import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { created, owner, recorded, tagged } from '../support/happenings.ts';
import { openReadSide, type ReadSide } from './read-side.ts';

const german = ['Zebra', 'Äpfel', 'apfel', 'Öl', 'ofen', 'Straße', 'Strasse', 'strafe'];
const otherLanguages = [
  ...['été', 'Eté', 'etage', 'œuvre', 'oie'], // French
  ...['ábaco', 'a\u0301baco', 'Árbol', 'ñandú', 'nube', 'zorro'], // Spanish, once in each canonical form
  ...['łódź', 'Lotos', 'żaba', 'Zamek'], // Polish
  ...['ёлка', 'Ель', 'Яблоко', 'ананас'], // Russian
  ...['ωμέγα', 'Άλφα', 'άλφα', 'βήτα'], // Greek
  ...['שלום', 'אבא', 'תודה'], // Hebrew
  ...['さくら', 'サクラ', 'あお'], // Japanese
  ...['e-mail', 'email', '10', '9', '#1'],
];
const titles = [...german, ...otherLanguages];
const expectedOrder = new Intl.Collator('und', { sensitivity: 'accent' });

let readSide: ReadSide;
beforeAll(async () => {
  readSide = await openReadSide();
  const events = titles.flatMap((title, n) =>
    recorded([created({ title }), tagged([], [title.toLowerCase()])], { task: `00000000-0000-7000-8000-0000000002${n + 10}` }),
  );
  await readSide.happened(events.map((event, n) => ({ ...event, position: BigInt(n + 1) })));
});
afterAll(() => readSide?.close());

const reader = { id: owner, isAdmin: false };

async function walkedTitles(descending: boolean, asOf?: string): Promise<string[]> {
  const list = { reader, today: '2026-01-05', scope: 'owned', filters: {}, sort: { by: 'title', descending }, asOf } as const;
  const walked: string[] = [];
  let page = await readSide.queries.listTasks(list, { by: 'page', page: 1, size: 3 });
  for (;;) {
    walked.push(...(JSON.parse(`[${page.items}]`) as { title: string }[]).map(({ title }) => title));
    if (page.nextCursor === null) return walked;
    page = await readSide.queries.listTasks(list, { by: 'cursor', cursor: page.nextCursor, includeTotal: false, size: 3 });
  }
}

test.each([undefined, '1000'])("titles are in the order of Unicode's root collation without case, ties by id, as of %s", async (asOf) => {
  const sorted = titles.map((title, n) => ({ title, n }));
  sorted.sort((a, b) => expectedOrder.compare(a.title, b.title) || a.n - b.n);
  const ascending = sorted.map(({ title }) => title);
  expect(await walkedTitles(false, asOf)).toEqual(ascending);
  expect(await walkedTitles(true, asOf)).toEqual(ascending.toReversed());
});

test.each([undefined, '1000'])('tags that are used as often are in that order, and each is one of its own, as of %s', async (asOf) => {
  const tags: string[] = [];
  let page = await readSide.queries.listTags({ reader, asOf }, { by: 'page', page: 1, size: 10 });
  for (;;) {
    tags.push(...(JSON.parse(`[${page.items}]`) as { tag: string; count: number }[]).map(({ tag }) => tag));
    if (page.nextCursor === null) break;
    page = await readSide.queries.listTags({ reader, asOf }, { by: 'cursor', cursor: page.nextCursor, includeTotal: false, size: 10 });
  }
  const expected = [...new Set(titles.map((title) => title.toLowerCase()))];
  expect([...tags].sort()).toEqual([...expected].sort());
  // One tag is used twice, and comes first.
  const isOrdered = (tag: string, index: number) =>
    index === 0 || tags[index - 1] === 'άλφα' || new Intl.Collator('und').compare(tags[index - 1]!, tag) <= 0;
  expect(tags.filter((tag, index) => !isOrdered(tag, index))).toEqual([]);
});
