import { z } from 'zod';
import { codePointLength, isStorable } from '../events/values.ts';
import { isCommonPassword } from './common-passwords.ts';
import { canonicalTimezone } from './timezone.ts';
import { isReserved, isUsername, SYSTEM_USERNAME } from './username.ts';

/** What people may call themselves, and what they may keep secret. */

export { Email } from './email-syntax.ts';

const AnyUsername = z
  .string()
  .toLowerCase()
  .min(3)
  .max(50)
  .refine(isUsername, {
    error: 'must be of a-z, 0-9, ".", "_" and "-", begin with a letter or digit, and not look like an id',
    params: { code: 'format' },
  })
  .meta({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$', description: 'In any case. Neither `me` nor `none`, nor in the form of a UUID.' });

const reserved = { error: 'is reserved; choose another', params: { code: 'format' } };

/** Compared without case, and kept in lower case. */
export const Username = AnyUsername.refine((name) => !isReserved(name), reserved);

/** A username that an admin gives: it may be one that speaks for the operator, but never the service's own. */
export const GivenUsername = AnyUsername.refine((name) => name !== SYSTEM_USERNAME, reserved);

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
  })
  .meta({ pattern: '^[A-Za-z0-9_+/-]+$', description: 'A name of the IANA database, in any case.', examples: ['Europe/Berlin'] });

/** From this length on a password needs no particular characters. */
const LONG_PASSWORD = 15;

const isLong = (password: string) => codePointLength(password) >= LONG_PASSWORD;

/** What a password must be, whoever it is for; `isGuessable` knows the account too. */
export const Password = z
  .string()
  .min(8)
  .max(128)
  .refine(isStorable, storable)
  .refine((password) => isLong(password) || /\p{Lu}/u.test(password), {
    error: `must contain an upper-case letter, or have at least ${LONG_PASSWORD} characters`,
    params: { code: 'format' },
  })
  .refine((password) => isLong(password) || /\p{Nd}/u.test(password), {
    error: `must contain a digit, or have at least ${LONG_PASSWORD} characters`,
    params: { code: 'format' },
  })
  .refine((password) => !isCommonPassword(password), {
    error: 'must not be one of the most common passwords',
    params: { code: 'format' },
  })
  .meta({
    description:
      '8 to 128 characters: with an upper-case letter and a digit, or 15 and more without them; not one of the 10,000 most common passwords, the e-mail address or the username.',
  });

/** Whether the password is one that whoever knows the account would try first. */
export function isGuessable(password: string, { email, username }: { email: string; username?: string | undefined }): boolean {
  const guess = password.toLowerCase();
  return guess === email.toLowerCase() || guess === username?.toLowerCase();
}
