import { hash } from 'node:crypto';
import { Rejection } from '../rejection.ts';
import type { KeyType } from './key-type.ts';

/** A place in a list: behind the row with this sort key and id. */
export interface Place {
  key: string;
  id: string;
}

/** What a list's places look like. */
export interface CursorForm {
  keyType: KeyType;
  idType: KeyType;
  /** Everything that decides which rows the list has, and in which order. */
  list: unknown;
}

export function encodeCursor({ key, id }: Place, { list, keyType }: CursorForm): string {
  return Buffer.from(JSON.stringify([fingerprint(list), keyType.parse(key), id])).toString('base64url');
}

/** @throws Rejection INVALID_CURSOR for what is no cursor, and for the cursor of a list with other filters or another order */
export function decodeCursor(cursor: string, { list, keyType, idType }: CursorForm): Place {
  const [mark, key, id] = parts(cursor);
  if (mark !== fingerprint(list)) throw invalid('The cursor belongs to other filters or another order, or is none');
  const place = { key: keyType.parse(key!), id: idType.parse(id!) };
  if (place.key === undefined || place.id === undefined) throw invalid('This is not a cursor');
  return { key: place.key, id: place.id };
}

function parts(cursor: string): string[] {
  try {
    const values: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(values) && values.length === 3 && values.every((value) => typeof value === 'string')) return values;
  } catch {
    // Not even JSON.
  }
  throw invalid('This is not a cursor');
}

function fingerprint(list: unknown): string {
  return hash('sha256', JSON.stringify(list), 'base64url').slice(0, 12);
}

function invalid(message: string): Rejection {
  return new Rejection('INVALID_CURSOR', message);
}
