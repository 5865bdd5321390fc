import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { commented, created, owner, recorded } from '../support/happenings.ts';
import { openReadSide, type ReadSide } from './read-side.ts';

jest.setTimeout(60_000);

const titles = [
  'Cafe\u0301 au lait',
  'Marché',
  'Äpfel',
  'Łódź',
  'Ёлка',
  'Größe',
  'שָׁלוֹם',
  'مَرْحَبًا',
  'ΟΔΟΣ ΑΘΗΝΩΝ',
  '买牛奶和面包',
  '日本語のテスト3級',
  'ทดสอบระบบ',
  '日本 本語',
  `${'漢'.repeat(250)}字`,
  `${'x'.repeat(240)} end`,
  'C# and c++',
  'cat',
  '🎉',
  'Party 🎉🚀 now',
  'Flags 🇩🇪🇸🇪',
  'plain ---',
] as const;

let readSide: ReadSide;
beforeAll(async () => {
  readSide = await openReadSide();
  await readSide.people([
    { id: '00000000-0000-7000-8000-0000000004aa', username: 'jm', full_name: 'Jörg Müller' },
    { id: '00000000-0000-7000-8000-0000000004ab', username: 'jo', full_name: 'José Ortega' },
  ]);
  const events = [...titles, 'only in the comment'].flatMap((title, n) => {
    const comment_id = `00000000-0000-7000-8000-0000000003${n + 10}`;
    const happened =
      title === 'only in the comment'
        ? [created({ title: 'Quiet' }), commented(comment_id, 'Crème brûlée, 炒面 and 🍰')]
        : [created({ title })];
    return recorded(happened, { task: `00000000-0000-7000-8000-0000000002${n + 10}` });
  });
  await readSide.happened(events.map((event, n) => ({ ...event, position: BigInt(n + 1) })));
});
afterAll(() => readSide?.close());

async function titlesFound(search: string, asOf?: string): Promise<string[]> {
  const reader = { id: owner, isAdmin: false };
  const sort = { by: 'created_at', descending: false } as const;
  const list = { reader, today: '2026-01-05', scope: 'owned', filters: { search }, sort, asOf } as const;
  const page = await readSide.queries.listTasks(list, { by: 'page', page: 1, size: 100 });
  return (JSON.parse(`[${page.items}]`) as { title: string }[]).map(({ title }) => title);
}

test.each([
  ['café', ['Cafe\u0301 au lait']],
  ['CAFE', ['Cafe\u0301 au lait']],
  ['cafe\u0301', ['Cafe\u0301 au lait']],
  ['marche', ['Marché']],
  ['apfel', ['Äpfel']],
  ['lodz', ['Łódź']],
  ['елка', ['Ёлка']],
  ['"grosse"', ['Größe']],
  ['שלום', ['שָׁלוֹם']],
  ['مرحبا', ['مَرْحَبًا']],
  ['οδοσ', ['ΟΔΟΣ ΑΘΗΝΩΝ']],
  ['"Οδός Αθηνών"', ['ΟΔΟΣ ΑΘΗΝΩΝ']],
  ['买牛奶', ['买牛奶和面包']],
  ['牛奶 面包', ['买牛奶和面包']],
  ['奶面', []],
  ['买', ['买牛奶和面包']],
  ['牛', []],
  ['テスト', ['日本語のテスト3級']],
  ['スト3', ['日本語のテスト3級']],
  ['3級', ['日本語のテスト3級']],
  ['"テスト3級"', ['日本語のテスト3級']],
  ['สอบ', ['ทดสอบระบบ']],
  ['日本語', ['日本語のテスト3級']],
  ['"日本 本語"', ['日本 本語']],
  ['漢漢字', [`${'漢'.repeat(250)}字`]],
  ['x'.repeat(200), [`${'x'.repeat(240)} end`]],
  ['C#', ['C# and c++']],
  ['c+', ['C# and c++']],
  ['"c++"', ['C# and c++']],
  ['"C# and"', ['C# and c++']],
  ['"c and"', []],
  ['ca', ['Cafe\u0301 au lait', 'cat']],
  ['🎉', ['🎉', 'Party 🎉🚀 now']],
  ['"party 🎉"', ['Party 🎉🚀 now']],
  ['🚀', ['Party 🎉🚀 now']],
  ['🇸🇪', ['Flags 🇩🇪🇸🇪']],
  ['🇪🇸', []],
  ['🐢', []],
  ['---', []],
  ['plain ---', ['plain ---']],
  ['creme BRULEE', ['Quiet']],
  ['炒面 🍰', ['Quiet']],
] as const)('a search for %j finds %j, now and as of a time', async (search, expected) => {
  expect(await titlesFound(search)).toEqual(expected);
  expect(await titlesFound(search, '1000')).toEqual(expected);
});

const characters = {
  Han: fc.integer({ min: 0x4e00, max: 0x4e06 }),
  kana: fc.oneof(fc.integer({ min: 0x304b, max: 0x304f }), fc.integer({ min: 0x30b9, max: 0x30bd }), fc.constant(0x30fc)),
  Thai: fc.oneof(fc.integer({ min: 0xe01, max: 0xe05 }), fc.integer({ min: 0xe40, max: 0xe43 }), fc.constant(0xe34)),
  Lao: fc.oneof(fc.integer({ min: 0xe94, max: 0xe97 }), fc.constant(0xec0)),
  Khmer: fc.oneof(fc.integer({ min: 0x1780, max: 0x1785 }), fc.constant(0x17b6)),
  Burmese: fc.oneof(fc.integer({ min: 0x1000, max: 0x1004 }), fc.constant(0x102c)),
};
const character = fc.oneof(...Object.values(characters)).map((code) => String.fromCodePoint(code));

test('every piece of two to six characters of a text without spaces is found in it, and no piece that it does not have', async () => {
  const gap = fc.constantFrom(' ', ' to ', '3', '。');
  const run = fc.array(character, { minLength: 1, maxLength: 12 }).map((letters) => letters.join(''));
  const longText = fc.array(fc.tuple(run, gap), { minLength: 1, maxLength: 4 }).map((runs) => runs.flat().join(''));
  const absent = fc.array(
    fc.array(character, { minLength: 2, maxLength: 6 }).map((letters) => letters.join('')),
    { minLength: 20, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(longText, absent, async (content, drawn) => {
      const letters = [...content];
      const pieces = letters
        .flatMap((_, start) => [2, 3, 4, 5, 6].map((length) => letters.slice(start, start + length).join('')))
        .filter((piece) => [...piece].length > 1 && !/[ \w。]/.test(piece));
      const sought = [...new Set([...pieces, ...drawn])];
      const { rows } = await readSide.pool.query<{ found: boolean[] }>(
        `select array_agg(listing_v1.words($1::text) @@ listing_v1.search_query(piece, false, false) order by n) as found
         from unnest($2::text[]) with ordinality p (piece, n)`,
        [content, sought],
      );
      const found = sought.filter((_, n) => rows[0]!.found[n]);
      expect(found).toEqual(sought.filter((piece) => content.includes(piece)));
    }),
    { numRuns: 150 },
  );
});

test.each([
  ['muller', ['jm']],
  ['MÜLLER', ['jm']],
  ['jose\u0301', ['jo']],
  ['%', []],
])('an admin who searches accounts for %j finds %j', async (search, expected) => {
  const page = await readSide.queries.listAccounts({ search }, { by: 'page', page: 1, size: 10 });
  expect((JSON.parse(`[${page.items}]`) as { username: string }[]).map(({ username }) => username)).toEqual(expected);
});
