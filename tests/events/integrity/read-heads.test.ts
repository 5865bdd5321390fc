import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readHeads } from '../../../src/events/integrity/read-heads.ts';
import { signHead } from '../../../src/events/integrity/signed-head.ts';
import { signingKey } from '../../../src/events/integrity/signing-key.ts';

const logId = '00000000-0000-4000-8000-0000000000aa';
const key = signingKey('SIGNING_KEY of the tests, long enough');
const other = signingKey('another key of the tests, long enough');
const hash = (n: number) => n.toString(16).padStart(64, '0');

function line(n: number, { by = key, log_id = logId, previous = n === 1 ? null : hash(n - 1), events = n * 10 } = {}): string {
  const place = { stream: 'task-1', revision: n, event_id: `e${n}` };
  return signHead({ position: String(n), events, hash: hash(n), previous, ...place, at: '2026-01-02T03:04:05.678Z', log_id }, by);
}

const read = (lines: string[], ...keys: (typeof key)[]) =>
  readHeads(lines, logId, new Map([key, ...keys].map(({ id, publicKey }) => [id, publicKey])));

describe('signed heads', () => {
  const lines = [line(1), line(2), line(3)];

  test('are read as they were signed; the same SIGNING_KEY is the same key', () => {
    expect(read(lines)).toMatchObject({ fault: null, heads: [{ events: 10 }, { events: 20 }, { events: 30, hash: hash(3) }] });
    expect(signingKey('SIGNING_KEY of the tests, long enough').id).toBe(key.id);
    expect(other.id).not.toBe(key.id);
  });

  test('show any character that was edited, and what stands before it holds', () => {
    fc.assert(
      fc.property(fc.nat(lines[1]!.length - 1), fc.constantFrom('0', '1', 'a', 'Z', '"', ' '), (at, character) => {
        fc.pre(lines[1]![at] !== character);
        const edited = lines[1]!.slice(0, at) + character + lines[1]!.slice(at + 1);
        expect(read([lines[0]!, edited, lines[2]!])).toMatchObject({ fault: expect.stringMatching(/^line 2 /), heads: [{ events: 10 }] });
      }),
      { numRuns: 300 },
    );
  });

  test.each([
    ['a line was taken out', [line(1), line(3)], 'line 2 does not follow the line before it'],
    ['the first line was taken out', [line(2), line(3)], 'line 1 does not follow the line before it'],
    ['two lines were swapped', [line(2), line(1)], 'line 1 does not follow'],
    ['a line stands twice', [line(1), line(1)], 'line 2 does not follow'],
    ['a line is signed by another key', [line(1), line(2, { by: other })], `line 2 is signed by another key (${other.id})`],
    ['a line is of another log', [line(1, { log_id: '00000000-0000-4000-8000-0000000000bb' })], 'line 1 is of another log'],
    ['the count goes back', [line(1), line(2, { events: 10 })], 'line 2 tells of no more events'],
    ['something else stands there', [line(1), '{}'], 'line 2 is no signed head'],
  ])('show that %s', (_, tampered, fault) => {
    expect(read(tampered).fault).toContain(fault);
  });

  test('of before a change of the key are read with the former public key', () => {
    const turned = [line(1, { by: other }), line(2)];
    expect(read(turned).fault).toContain('line 1 is signed by another key');
    expect(read(turned, other)).toMatchObject({ fault: null, heads: [{ events: 10 }, { events: 20 }] });
  });
});
