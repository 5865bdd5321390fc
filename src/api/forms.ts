import { z } from 'zod';

// The forms of values as the documents state them: by formats, lengths and patterns that every engine of regular expressions reads.

/** A position in a request: `parsePosition` takes the same. */
export const requestedPosition = { pattern: '^[0-9]+$', minLength: 1, maxLength: 30 } as const;

/** A position in a response. */
export const PositionText = z.string().regex(/^[0-9]+$/);

/** Neither PostgreSQL nor the calendar has a year 0. */
export const NO_YEAR_0 = '^(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])-';

/** A date, or a time with an offset. */
export const dateOrTimeForm = { anyOf: [{ format: 'date' }, { format: 'date-time' }], pattern: NO_YEAR_0 } as const;

/** An id, a username, or a word that stands for someone, as a parameter has it. */
export const someoneForm = { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', minLength: 2, maxLength: 50 } as const;

/** A cursor, as responses give it out. */
export const cursorForm = { pattern: '^[A-Za-z0-9_-]+$' } as const;

/** Of the two keys at most one may be in a body. */
export function exclusive(...pairs: readonly (readonly [string, string])[]) {
  const both = pairs.map(([one, other]) => ({ required: [one, other] }));
  return { not: both.length === 1 ? both[0]! : { anyOf: both } };
}

/** One of these words in a response, to which later releases may add: clients are not to refuse those that they do not know. */
export function growing<const T extends string>(words: readonly T[]) {
  return z.enum(words).meta({ 'x-extensible-enum': [...words] });
}
