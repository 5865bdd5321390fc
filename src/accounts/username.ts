const LONGEST = 50;
const pattern = /^[a-z0-9][a-z0-9._-]{2,49}$/;
const uuidShape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
// Paths and filters take a username or an id, and these words in the place of either.
const words = new Set(['me', 'none']);

/** The actor of what the service does by itself. */
export const SYSTEM_USERNAME = 'system';

/** Names that seem to speak for the operator or for all. */
const reserved = new Set([SYSTEM_USERNAME, 'administrator', 'everyone', 'security', 'support']);

/** Whether users may not choose a lower-case name. Those who have it keep it. */
export function isReserved(name: string): boolean {
  return reserved.has(name);
}

/** Whether a lower-case text has the form of a username. */
export function isUsername(text: string): boolean {
  return pattern.test(text) && !uuidShape.test(text) && !words.has(text);
}

/** The usernames to try, in this order, for somebody who named none: the e-mail's local part, then with a number appended. */
export function* usernamesFor(email: string): Generator<string, never> {
  const base = email
    .slice(0, email.lastIndexOf('@'))
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '');
  for (let number = 0; ; number++) {
    const end = number === 0 ? '' : String(number);
    const username = (base || 'user').slice(0, LONGEST - end.length) + end;
    if (isUsername(username) && !isReserved(username)) yield username;
  }
}
