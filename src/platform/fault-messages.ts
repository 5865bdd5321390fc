import type { z } from 'zod';

/** What is said of a fault when its schema has no words of its own for it. Never repeats what was sent. */
export function faultMessage(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined && issue.code !== 'unrecognized_keys') return 'is required';
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeNames[issue.expected] ?? `a valid ${issue.expected}`}`;
    case 'too_small':
      return tooSmall(issue);
    case 'too_big':
      return tooBig(issue);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return `must be ${formatNames[issue.format] ?? 'in the right format'}`;
    case 'invalid_value':
      return `must be ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.join(', ')}`;
    case 'invalid_union':
      return 'options' in issue && Array.isArray(issue.options)
        ? `must be one of ${issue.options.join(', ')}`
        : 'has none of the accepted forms';
    default:
      return 'is not valid';
  }
}

const typeNames: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'an object',
  record: 'an object',
  array: 'a list',
  null: 'null',
};

const formatNames: Record<string, string> = {
  date: 'a date, as in 2026-01-31',
  datetime: 'a time in UTC with milliseconds, as in 2026-01-31T12:00:00.000Z',
  email: 'an e-mail address',
  url: 'a URL',
  uuid: 'a UUID',
};

const units: Record<string, string> = { string: 'characters', array: 'items', set: 'items', file: 'bytes' };

type Bounded = { origin: string; inclusive?: boolean | undefined };

function tooSmall({ origin, minimum, inclusive }: Bounded & { minimum: number | bigint }): string {
  if (units[origin]) return minimum === 1 ? 'must not be empty' : `must have at least ${minimum} ${units[origin]}`;
  return `must be ${inclusive ? 'at least' : 'more than'} ${minimum}`;
}

function tooBig({ origin, maximum, inclusive }: Bounded & { maximum: number | bigint }): string {
  if (units[origin]) return `must have at most ${maximum} ${units[origin]}`;
  return `must be ${inclusive ? 'at most' : 'less than'} ${maximum}`;
}
