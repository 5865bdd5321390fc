import { z } from 'zod';
import { isUsername } from '../accounts/username.ts';
import { faultMessage } from '../platform/fault-messages.ts';
import type { DateOrTime } from './days.ts';
import { dateOrTimeForm, someoneForm } from './forms.ts';
import { Tag, tagForm } from './tag.ts';

// The values of query strings: text that stands for numbers, lists, times and people. As input they are described for the documents.

/** A whole number between these bounds. */
export function wholeNumber(minimum: number, maximum: number, meta: { default?: number; description?: string } = {}) {
  return z
    .string()
    .refine((text) => /^-?\d{1,15}$/.test(text), { error: 'must be a whole number', params: { code: 'type' } })
    .transform(Number)
    .pipe(z.int().min(minimum).max(maximum))
    .optional()
    .meta({ type: 'integer', minimum, maximum, ...meta });
}

export function flag(description: string) {
  return z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional()
    .meta({ type: 'boolean', enum: undefined, description });
}

/** Some of these values, with commas between them; each counts once, in no order. */
export function someOf<T extends string>(values: readonly T[]) {
  const known = new Set<string>(values);
  return z
    .string()
    .transform((text) => [...new Set(text.split(',').map((value) => value.trim()))].sort())
    .refine((list) => list.every((value) => known.has(value)), { error: `must be of ${values.join(', ')}`, params: { code: 'not_one_of' } })
    .transform((list) => list as T[])
    .optional()
    .meta({ type: 'array', items: { type: 'string', enum: [...values] }, minItems: 1, description: 'Some of these; each counts once.' });
}

const MAX_TAGS = 20;

/** Tags, with commas between them, as they are stored: trimmed and in lower case. */
export function tagList(description: string) {
  return z
    .string()
    .transform((text, context) => {
      const tags = z.array(Tag).max(MAX_TAGS).safeParse(text.split(','), { error: faultMessage });
      if (tags.success) return [...new Set(tags.data)].sort();
      // What is wrong with one of them is wrong with the parameter: its items have no names of their own.
      context.issues.push({ ...tags.error.issues[0]!, path: [], input: text } as z.core.$ZodRawIssue);
      return z.NEVER;
    })
    .optional()
    .meta({ type: 'array', items: tagForm, minItems: 1, maxItems: MAX_TAGS, description });
}

/** PostgreSQL, like the calendar, has no year 0. */
const dateForm = z.iso.date().refine((date) => !date.startsWith('0000'), { error: 'must be a date, as in 2026-01-31' });
const timeForm = z.iso.datetime({ offset: true });
const earliest = Date.parse('0001-01-01T00:00:00.000Z');
const latest = Date.parse('9999-12-31T23:59:59.999Z');

export function date(description: string) {
  return dateForm.optional().meta({ description });
}

/** A date, or a time as an ISO time with milliseconds: `firstMoment` makes a time of it, in the caller's time zone. */
export function notBefore(description: string) {
  return dateOrTime(description, (time, rest) => (/[1-9]/.test(rest) ? time + 1 : time));
}

/** A date, or a time as an ISO time with milliseconds: `lastMoment` makes a time of it, in the caller's time zone. */
export function notAfter(description: string) {
  return dateOrTime(description, (time) => time);
}

/** @param round makes whole milliseconds, which is what times are stored in, from a time and the digits that are too many */
function dateOrTime(description: string, round: (time: number, rest: string) => number) {
  return z
    .string()
    .transform((text, context): DateOrTime => {
      if (dateForm.safeParse(text).success) return text;
      // RFC 3339 takes T and Z in either case.
      const time = timeForm.safeParse(text.toUpperCase()).success
        ? round(Date.parse(text.toUpperCase()), /\.\d{3}(\d*)/.exec(text)?.[1] ?? '')
        : Number.NaN;
      if (time >= earliest && time <= latest) return new Date(time).toISOString();
      const message = 'must be a date, as in 2026-01-31, or a time, as in 2026-01-31T12:00:00Z';
      context.addIssue({ code: 'custom', message, params: { code: 'format' } });
      return z.NEVER;
    })
    .optional()
    .meta({ ...dateOrTimeForm, description: `${description} A date, which is a day of the caller's, or a time.` });
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function uuid(description: string) {
  return z.string().toLowerCase().regex(uuidForm, 'must be a UUID').optional().meta({ description, format: 'uuid', pattern: undefined });
}

export type SomebodyNamed = 'me' | { id: string } | { username: string };

/** Somebody: an id, a username, or `me`. */
export function somebody(description: string) {
  return z
    .string()
    .toLowerCase()
    .refine((text) => text === 'me' || uuidForm.test(text) || isUsername(text), {
      error: 'must be an id, a username or me',
      params: { code: 'format' },
    })
    .transform((text): SomebodyNamed => named(text))
    .optional()
    .meta({ ...someoneForm, description: `${description} An id, a username, or \`me\`.` });
}

/** Somebody, or nobody: `none`. */
export function somebodyOrNone(description: string) {
  return z
    .string()
    .toLowerCase()
    .refine((text) => text === 'me' || text === 'none' || uuidForm.test(text) || isUsername(text), {
      error: 'must be an id, a username, me or none',
      params: { code: 'format' },
    })
    .transform((text): SomebodyNamed | 'none' => (text === 'none' ? 'none' : named(text)))
    .optional()
    .meta({ ...someoneForm, description: `${description} An id, a username, \`me\`, or \`none\`.` });
}

function named(text: string): SomebodyNamed {
  if (text === 'me') return 'me';
  return uuidForm.test(text) ? { id: text } : { username: text };
}
