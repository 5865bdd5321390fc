import { z } from 'zod';
import { isStorable } from '../events/values.ts';
import { hasVisibleText, notEmpty } from './visible-text.ts';

/** A segment of a path that every URL parser resolves, so that a request which ends in it names another resource. */
export function isDotSegment(text: string): boolean {
  return text === '.' || text === '..';
}

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
  .refine((tag) => !isDotSegment(tag), { error: 'must not be . or .., which no address can name', params: { code: 'format' } });
