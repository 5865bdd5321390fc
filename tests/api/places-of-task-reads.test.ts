import { expect, test } from '@jest/globals';
import { runWithout } from '../support/run-weakened.ts';
import type { PlacesOfTaskReads } from './places-of-task-reads.ts';

const placesWithout = (defence: string) => runWithout<PlacesOfTaskReads>(defence, 'api/places-of-task-reads.ts');

test('the streams that one user reads take four places and a queue of sixteen, a page at a time', async () => {
  expect(await placesWithout('')).toEqual({ running: 4, refused: 1, runningOfOthers: 1, isFreeBetween: true });
}, 30_000);

test('without the places one user reads as many streams as it asks for', async () => {
  expect(await placesWithout('streams are read in places')).toMatchObject({ running: 21, refused: 0 });
}, 30_000);
