import { isStorable } from '../events/values.ts';

/** What a list may be sorted by: the type that PostgreSQL compares it as, and the text of it that a cursor carries. */
export interface KeyType {
  sqlType: string;
  /** The same value in the one form that PostgreSQL is given; undefined for what is none. */
  parse(text: string): string | undefined;
}

export const keyTypes = {
  time: { sqlType: 'timestamptz', parse: parseTime },
  date: { sqlType: 'date', parse: (text) => (/^-?infinity$/.test(text) ? text : parseTime(text)?.slice(0, 10)) },
  integer: { sqlType: 'integer', parse: (text) => (/^-?\d{1,9}$/.test(text) ? text : undefined) },
  position: { sqlType: 'bigint', parse: parseBigint },
  real: { sqlType: 'real', parse: parseReal },
  boolean: { sqlType: 'boolean', parse: (text) => (/^(true|false)$/.test(text) ? text : undefined) },
  text: { sqlType: 'text', parse: (text) => (isStorable(text) ? text : undefined) },
  uuid: { sqlType: 'uuid', parse: (text) => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : undefined) },
} satisfies Record<string, KeyType>;

function parseTime(text: string): string | undefined {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return undefined;
  const iso = time.toISOString();
  return /^(?!0000)\d{4}-/.test(iso) ? iso : undefined;
}

function parseBigint(text: string): string | undefined {
  if (!/^-?\d{1,19}$/.test(text)) return undefined;
  return BigInt.asIntN(64, BigInt(text)) === BigInt(text) ? text : undefined;
}

/** PostgreSQL refuses what a real cannot hold, so that it is rounded here. */
function parseReal(text: string): string | undefined {
  const rounded = Math.fround(Number(text));
  return text.trim() !== '' && Number.isFinite(rounded) ? String(rounded) : undefined;
}
