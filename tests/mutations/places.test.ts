import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { weakenings } from '../support/weakenings.ts';

test('every mutation finds its piece of the source exactly once', () => {
  const lost = weakenings.filter(({ file, from }) => {
    const source = readFileSync(join(import.meta.dirname, '../../src', file), 'utf8');
    return source.split(from).length !== 2;
  });
  expect(lost.map(({ name, file }) => [name, file])).toEqual([]);
  expect(weakenings.length).toBeGreaterThan(80);
});
