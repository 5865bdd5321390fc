import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Route } from '../../../src/api/route.ts';
import { startTestService, type TestService } from '../../support/service.ts';
import { type BesideLog, openBesideLog } from '../../support/written-tasks.ts';
import { cellsOf, nameOf, rowsOf } from './cells.ts';
import { redLines, runMatrix } from './matrix.ts';
import { gatherPeople, type People } from './people.ts';
import type { Row } from './row.ts';
import { rows } from './rows.ts';

let service: TestService;
let log: BesideLog;
let people: People;

beforeAll(async () => {
  service = await startTestService();
  log = await openBesideLog(service);
  people = await gatherPeople(service);
}, 60_000);
afterAll(async () => {
  await people?.close();
  await log?.close();
  await service?.stop();
});

describe('the authorisation matrix', () => {
  test('has a row for each route, and a route for each row', () => {
    const served = service.routes.map(nameOf);
    expect(served.filter((name) => !(name in rows))).toEqual([]);
    expect(Object.keys(rows).filter((name) => !served.includes(name))).toEqual([]);
  });

  test('says of each route what its needs say', () => {
    const differing = service.routes.filter((route) => !agrees(route, rowsOf(rows, nameOf(route))));
    expect(differing.map(nameOf)).toEqual([]);
  });

  test('is the contract, in every cell', async () => {
    const cells = cellsOf(service.routes, rows);
    const reds = await runMatrix(cells, { service, log, people });
    if (process.env.MATRIX_TOLD) process.stderr.write(`${Object.keys(rows).length} routes, ${cells.length} cells\n`);
    expect({ red: reds.length, first: redLines(reds).slice(0, 40) }).toEqual({ red: 0, first: [] });
  }, 120_000);
});

/** Whether the rows of a route, which are the contract's, ask for what the route does. */
function agrees({ needs }: Route, [row, ...others]: readonly Row[]): boolean {
  if (row === undefined) return false;
  if (needs === 'open') return row.for === 'everybody';
  const isOfTask = typeof row.for === 'object' && 'task' in row.for;
  return (
    [row, ...others].every(({ token }) => token === (needs.session ? 'session' : needs.scope)) &&
    (row.for === 'admins') === (needs.admin ?? false) &&
    (needs.task === undefined || isOfTask)
  );
}
