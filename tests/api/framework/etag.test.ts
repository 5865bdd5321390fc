import { describe, expect, test } from '@jest/globals';
import { isIfMatch, matchesEtag, parseIfMatch, revisionEtag } from '../../../src/api/etag.ts';

test('the entity tag of a revision', () => {
  expect(revisionEtag(0)).toBe('"0"');
});

describe('If-None-Match', () => {
  test.each([
    ['"5"', true],
    ['"4", "5"', true],
    ['"4","5"', true],
    ['W/"5"', true],
    ['*', true],
    ['"4"', false],
    ['"55"', false],
    ['5', false],
    ['', false],
    [undefined, false],
  ])('%s against "5": %s', (header, expected) => {
    expect(matchesEtag(header, '"5"')).toBe(expected);
  });
});

describe('If-Match', () => {
  test.each([
    [undefined, undefined],
    ['*', 'any'],
    ['"0"', 0],
    [' "12" ', 12],
    ['W/"12"', 'none'],
    ['"x"', 'none'],
    ['""', 'none'],
    ['"012"', 'none'],
    ['"99999999999999999999"', 'none'],
  ])('%s asks for %s', (header, expected) => {
    expect(parseIfMatch(header)).toBe(expected);
  });

  test.each(['', '12', '"1", "2"', '"1","2"', '*, "1"', '"1', 'w/"1"', "'1'"])('%s is refused', (header) => {
    expect(isIfMatch(header)).toBe(false);
  });
});
