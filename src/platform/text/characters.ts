/** Pairs of code points, first and last. */
type Ranges = readonly (readonly [number, number])[];

/** Emoji and the pictures that are used like them. Skin tones are not among them: an emoji is the same word in each. */
const emoji: Ranges = [
  [0xa9, 0xa9],
  [0xae, 0xae],
  [0x203c, 0x203c],
  [0x2049, 0x2049],
  [0x2122, 0x2122],
  [0x2139, 0x2139],
  [0x2194, 0x21aa],
  [0x231a, 0x23ff],
  [0x24c2, 0x24c2],
  [0x25aa, 0x27bf],
  [0x2934, 0x2935],
  [0x2b05, 0x2b55],
  [0x3030, 0x3030],
  [0x303d, 0x303d],
  [0x3297, 0x3297],
  [0x3299, 0x3299],
  [0x1f000, 0x1f1e5],
  [0x1f200, 0x1f3fa],
  [0x1f400, 0x1faff],
];

/** Two of them are the flag of a country. */
const flagLetters: Ranges = [[0x1f1e6, 0x1f1ff]];

/** Letters, marks and digits of the scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana, Han. */
const withoutSpaces: Ranges = [
  [0xe01, 0xe3a],
  [0xe40, 0xe4e],
  [0xe50, 0xe59],
  [0xe81, 0xedf],
  [0x1000, 0x1049],
  [0x1050, 0x109f],
  [0x1780, 0x17d3],
  [0x17d7, 0x17d7],
  [0x17dc, 0x17dd],
  [0x17e0, 0x17f9],
  [0x2e80, 0x2fd5],
  [0x3005, 0x3007],
  [0x3021, 0x302d],
  [0x3031, 0x3035],
  [0x3038, 0x303c],
  [0x3041, 0x3096],
  [0x3099, 0x309a],
  [0x309d, 0x309f],
  [0x30a1, 0x30fa],
  [0x30fc, 0x30ff],
  [0x31f0, 0x31ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa9e0, 0xa9fe],
  [0xaa60, 0xaa7f],
  [0xf900, 0xfaff],
  [0xff66, 0xff9f],
  [0x1b000, 0x1b16f],
  [0x20000, 0x3ffff],
];

/** Above it there are letters, and what is ignored or not assigned. */
const LAST_SEPARATOR = 0x1ffff;

/** What stands between words. `#` and `+` do not: after a word they belong to it. */
function separators(): Ranges {
  const isSeparator = (code: number) => {
    const character = String.fromCodePoint(code);
    return /[\p{P}\p{S}\p{Z}\p{Cc}\p{Cf}]/u.test(character) && !/[#+]/.test(character) && !isIn(emoji, code) && !isIn(flagLetters, code);
  };
  const found: [number, number][] = [];
  // PostgreSQL has no text with code point 0.
  for (let code = 1; code <= LAST_SEPARATOR; code++) {
    if (!isSeparator(code)) continue;
    const last = found.at(-1);
    if (last?.[1] === code - 1) last[1] = code;
    else found.push([code, code]);
  }
  return found;
}

function isIn(ranges: Ranges, code: number): boolean {
  return ranges.some(([first, last]) => first <= code && code <= last);
}

function inPostgres(ranges: Ranges): string {
  const escaped = (code: number) => `\\U${code.toString(16).padStart(8, '0')}`;
  return ranges.map(([first, last]) => (first === last ? escaped(first) : `${escaped(first)}-${escaped(last)}`)).join('');
}

function inJavaScript(ranges: Ranges): string {
  return ranges.map(([first, last]) => `\\u{${first.toString(16)}}-\\u{${last.toString(16)}}`).join('');
}

/** Each as the inside of a bracket expression of a PostgreSQL pattern. */
export const postgresClasses = {
  emoji: inPostgres(emoji),
  flagLetters: inPostgres(flagLetters),
  withoutSpaces: inPostgres(withoutSpaces),
  separators: inPostgres(separators()),
};

const searchable = new RegExp(`[\\p{L}\\p{N}${inJavaScript([...emoji, ...flagLetters])}]`, 'u');

/** Whether a text has a letter, a digit or an emoji: something that a search can find. */
export function isSearchable(text: string): boolean {
  return searchable.test(text);
}
