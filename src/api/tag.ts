import { z } from 'zod';
import { isStorable } from '../events/values.ts';
import { hasVisibleText, notEmpty } from './visible-text.ts';

/** A segment of a path that every URL parser resolves, so that a request which ends in it names another resource. */
export function isDotSegment(text: string): boolean {
  return text === '.' || text === '..';
}

/**
 * A tag in a request, as far as a schema can state it. Text that shows nothing, of white space and format characters alone, is refused too:
 * no pattern says so that every engine reads.
 */
export const tagForm = {
  type: 'string',
  minLength: 1,
  maxLength: 50,
  pattern: '^[^,/\\x00-\\x1f\\x7f-\\x9f]*$',
  not: { enum: ['.', '..'] },
} as const;

/** A tag as requests name it: trimmed and lower-cased. */
export const Tag = z
  .string()
  .trim()
  .toLowerCase()
  .min(1)
  .max(50)
  .refine(hasVisibleText, notEmpty)
  .refine((tag) => isStorable(tag) && !/[,/\p{Cc}]/u.test(tag), {
    error: 'must not have a comma, a slash or control characters',
    params: { code: 'format' },
  })
  .refine((tag) => !isDotSegment(tag), { error: 'must not be . or .., which no address can name', params: { code: 'format' } })
  .meta(tagForm);
