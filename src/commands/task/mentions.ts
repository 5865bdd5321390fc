/** `@username`, not within a word: the address in an e-mail mentions nobody. */
const mention = /(?<![\p{L}\p{N}._%+-])@([a-z0-9][a-z0-9._-]{2,49})/giu;
const MOST_NAMED = 50;

/** The usernames that a text may mention, in lower case: a name at the end of a sentence also without the punctuation behind it. */
export function usernamesIn(text: string): string[] {
  const names = new Set<string>();
  for (const [, name] of text.matchAll(mention)) {
    const lower = name!.toLowerCase();
    for (const form of [lower, lower.replace(/[._-]+$/, '')]) if (form.length >= 3) names.add(form);
    if (names.size >= MOST_NAMED) break;
  }
  return [...names];
}
