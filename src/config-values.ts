import { isIP } from 'node:net';
import pg from 'pg';
import { z } from 'zod';
import { eventStoreOptionMistakes } from './eventstore-options.ts';

/** How environment variables say things: each schema takes text, and the names of what it makes of it follow. */

export function wholeNumber(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, { error, abort: true })
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error });
}

export const Flag = z.stringbool({
  truthy: ['true', '1', 'yes', 'on'],
  falsy: ['false', '0', 'no', 'off'],
  error: 'must be true or false',
});

export function oneOf<const Names extends readonly [string, ...string[]]>(...names: Names) {
  return z.string().toLowerCase().pipe(z.enum(names));
}

/** A comma list, or a JSON list. */
export function listOf<T>(item: z.ZodType<T, string>) {
  return z.string().transform(toList).pipe(z.array(item));
}

function toList(text: string, context: z.core.$RefinementCtx): string[] {
  // An IPv6 address begins with a bracket too.
  if (!/^\[\s*(?:"|\]$)/.test(text)) return parts(text);
  try {
    return z.array(z.string()).parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: 'custom', message: 'must be a comma list, or a JSON list of texts', input: undefined });
    return z.NEVER;
  }
}

function parts(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** An address with one of these schemes. Its rest is not looked at: it may name several hosts, which is no URL to everybody. */
export function address(...schemes: readonly string[]) {
  const error = `must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
  return z.string().refine((value) => schemes.some((scheme) => value.startsWith(`${scheme}://`) && value.length > scheme.length + 3), {
    error,
    abort: true,
  });
}

/** PostgreSQL's, which only its client knows how to read. */
export const DatabaseUrl = address('postgres', 'postgresql').refine(isConnectionString, {
  error: 'must be a connection string, as in postgres://user:password@host:5432/database',
});

function isConnectionString(value: string): boolean {
  try {
    return new pg.Client({ connectionString: value }) !== null;
  } catch {
    return false;
  }
}

const node = String.raw`(?:[\w.-]+|\[[\da-fA-F:]+\])(?::\d{1,5})?`;
const cluster = new RegExp(String.raw`^[a-z+]+://(?:[^@]*@)?${node}(?:,${node})*/?(?:\?[^?]*)?$`);

/**
 * EventStoreDB's. Its client prints the whole string, with the password, where it does not understand an option: so options are checked
 * here, and named without their values.
 */
export const EventStoreUrl = address('esdb', 'esdb+discover', 'kurrentdb', 'kurrentdb+discover')
  .refine((value) => cluster.test(value), {
    error: 'must be a connection string, as in esdb://user:password@host:2113?tls=true',
    abort: true,
  })
  .superRefine((value, context) => {
    for (const message of eventStoreOptionMistakes(value)) context.addIssue({ code: 'custom', message, input: undefined });
  });

export const MailServer = address('smtp', 'smtps').refine((value) => URL.canParse(value), { error: 'must be a URL' });

const mailbox = /^(?:[^<>\p{Cc}]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/u;

/** An address, with or without a name before it. */
export const Mailbox = z.string().regex(mailbox, 'must be an address, as in Tasktrail <tasktrail@example.com>');

export const WebUrl = address('http', 'https').refine((value) => URL.canParse(value), { error: 'must be a URL' });

export const Secret = z.string().min(32);

/** Where a browser page comes from, without a path; or `*`. */
export const Origin = z
  .string()
  .transform((value) => value.replace(/\/$/, ''))
  .refine((value) => value === '*' || (URL.canParse(value) && new URL(value).origin === value), {
    error: 'must be an origin, as in https://tasks.example, or *',
  });

/** `true`, `false`, how many proxies there are, or their addresses: each an address, a range, or the name of private ones. */
export const TrustedProxies = z.string().transform((value, context): boolean | number | string[] => {
  if (/^\d{1,3}$/.test(value)) return Number(value);
  const flag = Flag.safeParse(value);
  if (flag.success) return flag.data;
  const proxies = toList(value, context);
  if (proxies === z.NEVER || proxies.every(isProxy)) return proxies;
  const message = 'must be true, false, a number of proxies, or a list of their addresses and ranges';
  context.addIssue({ code: 'custom', message, input: undefined });
  return z.NEVER;
});

const namedRanges = ['loopback', 'linklocal', 'uniquelocal'];

function isProxy(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return namedRanges.includes(text);
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) > 0 && Number(bits) <= (version === 4 ? 32 : 128));
}
