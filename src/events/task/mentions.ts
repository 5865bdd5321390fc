import { hash } from 'node:crypto';

/** `@username`, not within a word: the address in an e-mail mentions no user. */
const mention = /(?<![\p{L}\p{N}._%+-])@([a-z0-9][a-z0-9._-]{2,49})/giu;
const MAX_NAMES = 50;
const MIN_LENGTH = 3;

/** What is shown for the name of a user whose account is erased. */
const DELETED_USER = '@deleted-user';

/** The usernames that a text may mention, in lower case: a name at the end of a sentence also without the punctuation behind it. */
export function usernamesIn(text: string): string[] {
  const names = new Set<string>();
  for (const [, name] of text.matchAll(mention)) {
    for (const form of formsOf(name!)) names.add(form);
    if (names.size >= MAX_NAMES) break;
  }
  return [...names];
}

/** By what a name is known once its account is erased: SHA-256 in hexadecimal of its lower case, as `accounts.username_digest` has it. */
export function usernameDigest(name: string): string {
  return hash('sha256', name.toLowerCase(), 'hex');
}

/** The text with `@deleted-user` in place of each `@name` whose digest is one of these. Everything else stays as it is. */
export function hideUsernames(text: string, digests: ReadonlySet<string>): string {
  return text.replace(mention, (whole, name: string) => {
    const hidden = formsOf(name).find((form) => digests.has(usernameDigest(form)));
    return hidden === undefined ? whole : DELETED_USER + name.slice(hidden.length);
  });
}

function formsOf(name: string): string[] {
  const lower = name.toLowerCase();
  return [...new Set([lower, lower.replace(/[._-]+$/, '')])].filter(({ length }) => length >= MIN_LENGTH);
}
