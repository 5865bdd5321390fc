import { codePointLength } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import { below } from './faults.ts';

/** Members and items of a body, on all its levels together. */
export const MAX_MEMBERS = 10_000;
/** In code points. */
export const MAX_KEY_LENGTH = 100;
/** Objects and lists within each other. */
export const MAX_LEVELS = 32;

interface Container {
  value: object;
  path: string;
  level: number;
}

/**
 * Holds a body against the limits that bound the work of its validation, whatever its schema is. Takes one pass, which ends at the first
 * limit that is exceeded.
 * @throws MALFORMED_REQUEST for too many levels, VALIDATION_FAILED with one entry for too many members and for a key that is too long
 */
export function requireWithinLimits(body: unknown): void {
  let members = 0;
  const waiting: Container[] = isContainer(body) ? [{ value: body, path: '', level: 1 }] : [];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { value, path, level } = next;
    if (level > MAX_LEVELS) throw new Rejection('MALFORMED_REQUEST', `The body has more than ${MAX_LEVELS} levels`);
    const isList = Array.isArray(value);
    const keys = isList ? value.keys() : Object.keys(value);
    members += isList ? value.length : (keys as string[]).length;
    if (members > MAX_MEMBERS) throw tooLong('', `must have at most ${MAX_MEMBERS} members and items in all`);
    for (const key of keys) {
      if (typeof key === 'string' && isTooLong(key))
        throw tooLong(below(path, key), `must have at most ${MAX_KEY_LENGTH} characters in its name`);
      const inner = (value as Record<PropertyKey, unknown>)[key];
      if (isContainer(inner)) waiting.push({ value: inner, path: below(path, key), level: level + 1 });
    }
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isTooLong(key: string): boolean {
  return key.length > MAX_KEY_LENGTH && codePointLength(key) > MAX_KEY_LENGTH;
}

function tooLong(path: string, message: string): Rejection {
  return new Rejection('VALIDATION_FAILED', 'The request is not valid', [{ path, message, code: 'too_long' }]);
}
