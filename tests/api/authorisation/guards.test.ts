import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startTestService, type TestService } from '../../support/service.ts';
import { startWeakened, type Weakened } from '../../support/weakened.ts';
import { type BesideLog, openBesideLog } from '../../support/written-tasks.ts';
import { type Cell, cellsOf } from './cells.ts';
import type { State } from './contract.ts';
import { guards } from './guards.ts';
import { redLines, runMatrix } from './matrix.ts';
import { gatherPeople, type People } from './people.ts';
import { rows } from './rows.ts';

/** So many cells of each guard are enough, unless all are asked for. */
const MOST_CELLS = Number(process.env.MATRIX_CELLS ?? 24);

/** The service as it is, for the people and the table of routes; and beside it, on the same data, one whose guards can be taken away. */
let service: TestService;
let weakened: Weakened;
let log: BesideLog;
let people: People;
let cells: Cell[];

beforeAll(async () => {
  service = await startTestService();
  const starting = startWeakened(service);
  log = await openBesideLog(service);
  people = await gatherPeople(service);
  weakened = await starting;
  cells = cellsOf(service.routes, rows);
}, 60_000);
afterAll(async () => {
  await weakened?.stop();
  await people?.close();
  await log?.close();
  await service?.stop();
});

const run = (some: readonly Cell[]) => runMatrix(some, { service: weakened, log, people });

/** So many of them at most, from all over. */
function some(all: readonly Cell[]): Cell[] {
  const step = Math.max(all.length / MOST_CELLS, 1);
  return all.filter((_, index) => Math.floor(index / step) !== Math.floor((index - 1) / step));
}

describe('the authorisation matrix turns red', () => {
  test('by nothing else than a guard that is away', async () => {
    const all = new Set(guards.flatMap(({ holds }) => some(cells.filter(holds))));
    expect(redLines(await run([...all]))).toEqual([]);
  });

  test.each(guards.map((guard) => [guard.names.join(', and '), guard] as const))('without this: %s', async (name, guard) => {
    const held = cells.filter(guard.holds);
    const tried = some(held);
    const all = [...cells.filter((cell) => tried.some((other) => isBeside(cell, other, guard.beside))), ...tried];
    await weakened.without(...guard.names);
    const red = new Set((await run(all).finally(() => weakened.without())).map(({ cell }) => cell));
    if (process.env.MATRIX_TOLD)
      process.stderr.write(`${name}: ${tried.filter((cell) => red.has(cell)).length} of ${tried.length} of ${held.length}\n`);
    expect(tried.length).toBeGreaterThan(0);
    expect(tried.filter((cell) => !red.has(cell)).map(({ name, caller, state }) => `${name} × ${caller} × ${state}`)).toEqual([]);
    if (!guard.lasting) expect(redLines(await run(all))).toEqual([]);
  });
});

function isBeside(cell: Cell, { name, caller }: Cell, state: State | undefined): boolean {
  return cell.state === state && cell.name === name && cell.caller === caller;
}
