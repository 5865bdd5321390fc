import type { Random } from '../../src/tools/seed/random.ts';

const verbs = 'Write Check Order Repair Clean Plan Review Call Update Measure Paint Ship Count Draft Compare'.split(' ');
const commonest = (
  'the report of last month for our customers in the north with all numbers and notes about delivery price quality team office machine ' +
  'garden window contract invoice release server budget meeting travel kitchen supplier training schedule layout battery shelf vehicle'
).split(' ');
const syllables = 'ba co di fu ge ho ka li mo nu pa re si to vu we xi ya zo tra'.split(' ');
const WORDS = 8_000;
/** As in any language, the word of rank n is about n times as rare as the first. */
const vocabulary = Array.from({ length: WORDS }, (_, rank) => commonest[rank] ?? spoken(rank));

/** A word that is in one task of a few hundred. */
export const rareWord = vocabulary[6_000]!;

export const tags = 'home work urgent garden office release customer waiting idea travel finance legal north south quarter-end'.split(' ');

/** So many words behind a verb. */
export function sentence(words: number, random: Random): string {
  const said = Array.from({ length: words }, () => vocabulary[Math.floor(WORDS ** random.next()) - 1]!);
  return `${random.pick(verbs)} ${said.join(' ')}`;
}

function spoken(rank: number): string {
  const [a, b, c] = [rank % 20, Math.floor(rank / 20) % 20, Math.floor(rank / 400)];
  return `${syllables[a]}${syllables[b]}${syllables[c]}`;
}
