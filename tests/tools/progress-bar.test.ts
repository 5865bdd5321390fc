import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createProgressBar } from '../../src/tools/progress-bar.ts';

let said: string[];
beforeEach(() => {
  said = [];
  jest.spyOn(process.stderr, 'write').mockImplementation((line) => said.push(String(line)) > 0);
});
afterEach(() => {
  jest.restoreAllMocks();
});

test('a phase is told of when it begins, however short ago the process did', () => {
  jest.spyOn(performance, 'now').mockReturnValue(40);
  const bar = createProgressBar();
  bar.show('reading', 0, '0 of 9');
  bar.show('reading', 0.5, '4 of 9');
  bar.show('writing', 0.1, '1 of 9');
  expect(said).toEqual(['reading: 0 %, 0 of 9\n', 'writing: 10 %, 1 of 9\n']);
});

test('then every five seconds, and when it is done', () => {
  const now = jest.spyOn(performance, 'now').mockReturnValue(1_000);
  const bar = createProgressBar();
  bar.show('reading', 0, '0 of 9');
  now.mockReturnValue(5_999);
  bar.show('reading', 0.4, '4 of 9');
  now.mockReturnValue(6_000);
  bar.show('reading', 0.5, '5 of 9');
  now.mockReturnValue(6_001);
  bar.show('reading', 1, '9 of 9');
  expect(said).toEqual(['reading: 0 %, 0 of 9\n', 'reading: 50 %, 5 s left, 5 of 9\n', 'reading: 100 %, 9 of 9\n']);
});
