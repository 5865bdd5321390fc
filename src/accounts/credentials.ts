import { z } from 'zod';
import { isStorable } from '../events/values.ts';
import { canonicalTimezone } from './timezone.ts';
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

/** An IANA name in any case; in its canonical spelling. */
export const Timezone = z
  .string()
  .max(64)
  .transform((name, context) => {
    const canonical = canonicalTimezone(name);
    if (canonical !== undefined) return canonical;
    context.addIssue({ code: 'custom', message: 'must be the IANA name of a time zone', params: { code: 'not_one_of' } });
    return z.NEVER;
  });

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
