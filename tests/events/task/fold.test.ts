import { describe, expect, test } from '@jest/globals';
import { evolve, type Task } from '../../../src/events/task/task.ts';
import { commented, created, facts, shared, viewer } from '../../support/happenings.ts';
import { runWithout } from '../../support/run-weakened.ts';
import { type FoldCost, foldCosts } from './fold-cost.ts';

type Costs = Record<string, FoldCost>;
const SIZE = 2_000;
const kinds = ['comments', 'files', 'shares', 'shares given and revoked'];
/** A map that is filled writes each entry a handful of times, where it grows. */
const perEvent = 5;

/** Histories whose fold writes more than a few entries for each event, or more than twice as many at twice the length. */
function quadratic(once: Costs, twice: Costs): string[] {
  return kinds.filter((kind) => {
    const [small, large] = [once[kind]!.entries, twice[kind]!.entries];
    return large > 2 * small + perEvent || large > 2 * SIZE * 2 * perEvent;
  });
}

const costsWithout = (defence: string) =>
  runWithout<[Costs, Costs]>(defence, 'events/task/print-fold-costs.ts', { SIZES: `${SIZE},${2 * SIZE}` });

describe('folding a long history', () => {
  test('takes work in proportion to its length, for comments, files and shares', async () => {
    expect(quadratic(await foldCosts(SIZE), await foldCosts(2 * SIZE))).toEqual([]);
  });

  test('gives the event loop a turn after every thousand events', async () => {
    const costs = await foldCosts(2 * SIZE);
    for (const kind of kinds) expect([kind, costs[kind]!.turns >= (2 * SIZE) / 1_000 - 1]).toEqual([kind, true]);
  });

  test('copies every map for every event without this: entries of tasks are shared', async () => {
    expect(quadratic(...(await costsWithout('')))).toEqual([]);
    expect(quadratic(...(await costsWithout('entries of tasks are shared')))).toEqual(kinds);
  });

  test('takes one turn of the event loop without this: long work is done in turns', async () => {
    const [once] = await costsWithout('long work is done in turns');
    for (const kind of kinds) expect([kind, once[kind]!.turns]).toEqual([kind, 0]);
  });
});

test('an event leaves the task before it as it was', () => {
  const happenings = [created(), shared(viewer, 'view'), commented('00000000-0000-7000-8000-0000000000c1')];
  const tasks: Task[] = [];
  for (const fact of facts(happenings)) tasks.push(evolve(tasks.at(-1) ?? null, fact)!);
  expect(tasks.map(({ shares, comments }) => [shares.size, comments.size])).toEqual([
    [0, 0],
    [1, 0],
    [1, 1],
  ]);
  expect(tasks.map(({ commentCount }) => commentCount)).toEqual([0, 0, 1]);
});
