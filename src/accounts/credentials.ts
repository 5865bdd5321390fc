import { z } from 'zod';
import { isStorable } from '../events/values.ts';
import { isUsername } from './username.ts';

/** What people may call themselves, and what they may keep secret. */

export const Email = z.email().max(254);

/** Compared without case, and kept in lower case. */
export const Username = z
  .string()
  .toLowerCase()
  .min(3)
  .max(50)
  .refine(isUsername, {
    error: 'must be of a-z, 0-9, ".", "_" and "-", begin with a letter or digit, and not look like an id',
    params: { code: 'format' },
  });

const storable = { error: 'must be well-formed text without NUL characters', params: { code: 'format' } };

export const FullName = z.string().trim().max(200).refine(isStorable, storable);

export const Timezone = z
  .string()
  .max(64)
  .refine(isTimezone, { error: 'must be the IANA name of a time zone', params: { code: 'not_one_of' } });

export const Password = z
  .string()
  .min(8)
  .max(128)
  .refine(isStorable, storable)
  .regex(/\p{Lu}/u, { error: 'must contain an upper-case letter' })
  .regex(/\p{Nd}/u, { error: 'must contain a digit' });

/** Whether the password is one that whoever knows the account would try first. */
export function isGuessable(password: string, { email, username }: { email: string; username?: string | undefined }): boolean {
  const guess = password.toLowerCase();
  return guess === email.toLowerCase() || guess === username?.toLowerCase();
}

// Offsets such as +02:00 are names to JavaScript, but mean the opposite to PostgreSQL.
function isTimezone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
