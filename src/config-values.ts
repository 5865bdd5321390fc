import { z } from 'zod';

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
  if (!text.startsWith('[')) return parts(text);
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

export const WebUrl = address('http', 'https').refine((value) => URL.canParse(value), { error: 'must be a URL' });

export const Secret = z.string().min(32);

/** Where a browser page comes from, without a path; or `*`. */
export const Origin = z
  .string()
  .transform((value) => value.replace(/\/$/, ''))
  .refine((value) => value === '*' || (URL.canParse(value) && new URL(value).origin === value), {
    error: 'must be an origin, as in https://tasks.example, or *',
  });

/** `true`, `false`, how many proxies there are, or their addresses. */
export const TrustedProxies = z.string().transform((value): boolean | number | string[] => {
  const flag = Flag.safeParse(/^\d+$/.test(value) ? undefined : value);
  if (flag.success) return flag.data;
  return /^\d+$/.test(value) ? Number(value) : parts(value);
});
