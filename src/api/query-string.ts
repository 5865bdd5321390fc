import { isStorable } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import type { Faults } from './faults.ts';

/**
 * The parameters of a query string, each of which may come once. Repeated ones and text that nothing could store are added to the faults.
 * @throws MALFORMED_REQUEST when it is not well encoded
 */
export function parseQuery(text: string, faults: Faults): Record<string, string> {
  const parameters: Record<string, string> = Object.create(null);
  for (const part of text.split('&')) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decoded(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? '' : decoded(part.slice(equals + 1));
    const path = `query.${name}`;
    if (name in parameters) faults.add({ path, message: 'is given more than once', code: 'duplicate' });
    else parameters[name] = value;
    if (!isStorable(value)) faults.add({ path, message: 'must be well-formed text without NUL characters', code: 'format' });
  }
  return parameters;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new Rejection('MALFORMED_REQUEST', 'The query is not well encoded');
  }
}
