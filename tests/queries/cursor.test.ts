import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type CursorForm, decodeCursor, encodeCursor } from '../../src/queries/cursor.ts';
import { type KeyType, keyTypes } from '../../src/queries/key-type.ts';
import { Rejection } from '../../src/rejection.ts';

const id = '00000000-0000-7000-8000-00000000000a';
const form = (keyType: KeyType, list: unknown = ['tasks', { status: ['todo'] }]): CursorForm => ({ keyType, idType: keyTypes.uuid, list });

describe('a cursor', () => {
  test.each<[keyof typeof keyTypes, string, string]>([
    ['time', '2026-01-02T03:04:05.678+00:00', '2026-01-02T03:04:05.678Z'],
    ['date', '2026-01-02', '2026-01-02'],
    ['date', '-infinity', '-infinity'],
    ['integer', '6', '6'],
    ['position', '-9223372036854775808', '-9223372036854775808'],
    ['position', '9223372036854775807', '9223372036854775807'],
    ['real', '0.6079271', String(Math.fround(0.6079271))],
    ['real', '1e-99', '0'],
    ['boolean', 'true', 'true'],
    ['text', 'über "x", \\ 🎉', 'über "x", \\ 🎉'],
    ['text', '', ''],
  ])('leads back to the place behind a key of type %s', (type, key, parsed) => {
    const cursor = encodeCursor({ key, id }, form(keyTypes[type]));
    expect(cursor).toMatch(/^[\w-]+$/);
    expect(decodeCursor(cursor, form(keyTypes[type]))).toEqual({ key: parsed, id });
  });

  test.each<[keyof typeof keyTypes, string]>([
    ['time', 'now'],
    ['time', '0000-01-01T00:00:00Z'],
    ['time', '+010000-01-01T00:00:00Z'],
    ['date', 'today'],
    ['integer', '1.5'],
    ['integer', '99999999999'],
    ['position', '9223372036854775808'],
    ['position', '1; drop table tasks'],
    ['real', 'NaN'],
    ['real', '1e39'],
    ['real', ''],
    ['boolean', '1'],
    ['text', 'a\0b'],
    ['text', '\ud800'],
  ])('with a key that is no %s is refused', (type, key) => {
    const cursor = encodeCursor({ key, id }, form({ ...keyTypes.text, parse: (text) => text }));
    expect(() => decodeCursor(cursor, form(keyTypes[type]))).toThrow(Rejection);
  });

  test('belongs to its filters and order', () => {
    const cursor = encodeCursor({ key: 'a', id }, form(keyTypes.text, ['tasks', 1]));
    expect(() => decodeCursor(cursor, form(keyTypes.text, ['tasks', 2]))).toThrow(expect.objectContaining({ code: 'INVALID_CURSOR' }));
  });

  test('that is none is refused, and nothing else happens', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json().map((json) => Buffer.from(json).toString('base64url')),
        ),
        (text) => {
          expect(() => decodeCursor(text, form(keyTypes.time))).toThrow(expect.objectContaining({ code: 'INVALID_CURSOR' }));
        },
      ),
    );
  });
});
