import { format } from 'node:util';
import type { Logger } from './logging.ts';

/** Shorter ones would mask words of plain text. */
const MIN_SECRET_LENGTH = 6;
/** The user, the password and the query of an address. */
const CREDENTIALS = /\b([a-z][a-z\d+.-]*:\/\/)[^\s/@]*@/gi;
const METHODS = ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const;

/** Removes secrets from a text that was written by a library. @param secrets their values */
export function maskSecrets(text: string, secrets: readonly string[]): string {
  const longestFirst = secrets.filter(({ length }) => length >= MIN_SECRET_LENGTH).sort((a, b) => b.length - a.length);
  const masked = longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  return masked.replace(CREDENTIALS, '$1***@');
}

/** Has what libraries write to the console come into the log, as one line at `warn` without secrets. The service itself never uses it. */
export function logConsole(log: Logger, secrets: readonly string[]): void {
  const named = log.named('console');
  for (const method of METHODS) console[method] = (...given: unknown[]) => named.warn({}, maskSecrets(format(...given), secrets));
}

/** The secrets in a setting: its whole value and, of an address, its user information and password. */
export function secretsIn(value: string): string[] {
  const information = /^[a-z][a-z\d+.-]*:\/\/(?:([^@/]*)@)?/i.exec(value)?.[1];
  const password = information?.slice(information.indexOf(':') + 1);
  return [value, ...(password ? [password, decoded(password)] : [])];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
