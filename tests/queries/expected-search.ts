/** Whether the fields of a task have what a search looks for, worked out in plain TypeScript. */
export function isFoundIn(fields: readonly string[], search: string): boolean {
  const terms = [...search.matchAll(/"([^"]*)"|[^\s"]+/g)].map(([whole, phrase]) => ({
    tokens: tokensOf(phrase ?? whole),
    isPhrase: phrase !== undefined,
  }));
  const sought = terms.filter(({ tokens }) => tokens.length > 0);
  const read = fields.map((field) => `\n${tokensOf(field).join('\n')}\n`);
  return sought.length > 0 && sought.every(({ tokens, isPhrase }) => read.some((field) => field.includes(patternOf(tokens, isPhrase))));
}

/** A word is found from its beginning; a script without spaces in its midst too, unless one character alone is looked for. */
function patternOf(tokens: readonly string[], isPhrase: boolean): string {
  const [first, last] = [tokens[0]!, tokens.at(-1)!];
  const isAnywhere = isWithoutSpaces(first) && (tokens.length > 1 || [...first].length > 1);
  return `${isAnywhere ? '' : '\n'}${tokens.join('\n')}${isPhrase && !isWithoutSpaces(last) ? '\n' : ''}`;
}

const withoutSpaces =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}ー';
const token = new RegExp(
  `[${withoutSpaces}]+|(?:(?![${withoutSpaces}])[\\p{L}\\p{N}\\p{M}])+[#+]*|\\p{Regional_Indicator}{1,2}|\\p{Extended_Pictographic}`,
  'gu',
);

function isWithoutSpaces(word: string): boolean {
  return new RegExp(`^[${withoutSpaces}]`, 'u').test(word);
}

function tokensOf(text: string): string[] {
  return foldedText(text).match(token) ?? [];
}

const letters: Record<string, string> = { ł: 'l', ø: 'o', đ: 'd', ß: 'ss', æ: 'ae', œ: 'oe', ı: 'i', ς: 'σ' };

export function foldedText(text: string): string {
  return text
    .toLowerCase()
    .normalize('NFD')
    .replace(/[\u0300-\u036f\u0591-\u05c7\u064b-\u065f]|\ufe0f|\u200d/g, '')
    .replace(/[łøđßæœıς]/g, (letter) => letters[letter]!)
    .normalize('NFC');
}
