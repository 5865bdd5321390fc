import type { Route } from '../../../src/api/route.ts';
import {
  assignmentStates,
  type CallerKind,
  callers,
  isStoppedAtTheDoor,
  isToken,
  type Outcome,
  outcomeByContract,
  relationOf,
  type State,
  states,
} from './contract.ts';
import type { Row } from './row.ts';

/** One call of the matrix: a route, by somebody, on an object in some state; and what the contract says becomes of it. */
export interface Cell {
  route: Route;
  row: Row;
  /** Route and way of calling it. */
  name: string;
  caller: CallerKind;
  state: State;
  expected: Outcome;
  /** Whether a list shows the object; undefined for all that is no list. */
  shown: boolean | undefined;
}

export type Rows = Readonly<Record<string, Row | readonly Row[]>>;

/** The name of a route in the table of rows. */
export function nameOf({ method, path, root }: Route): string {
  return `${method.toUpperCase()} ${path}${root ? ' at the root' : ''}`;
}

export function rowsOf(rows: Rows, name: string): readonly Row[] {
  const row = rows[name];
  return row === undefined ? [] : ([row].flat() as Row[]);
}

/** Every route × caller × state of its object, of the callers given. A route without a row has no cells: look for it before. */
export function cellsOf(routes: readonly Route[], rows: Rows, who: readonly CallerKind[] = callers): Cell[] {
  return routes.flatMap((route) => rowsOf(rows, nameOf(route)).flatMap((row) => cellsOfRow(route, row, who)));
}

function cellsOfRow(route: Route, row: Row, who: readonly CallerKind[]): Cell[] {
  const name = row.as === undefined ? nameOf(route) : `${nameOf(route)} (${row.as})`;
  return who
    .filter((caller) => row.token !== null || caller !== 'token without the scope')
    .flatMap((caller) =>
      statesFor(row, caller).map((state): Cell => {
        const expected = outcomeByContract({ caller, state, for: row.for, token: row.token, absent: absentOf(row) });
        const shown = row.list && expected === 'done' ? row.list.shows(relationIn(row, caller, state), state) : undefined;
        return { route, row, name, caller, state, expected, shown };
      }),
    );
}

/** Who is stopped before anybody looks at the object is tried on one that is there and one that is not. */
function statesFor(row: Row, caller: CallerKind): readonly State[] {
  const isTried = caller === 'assignee' && isOnTask(row) && (row.states === undefined || row.assignments);
  const all = isTried ? [...statesOf(row), ...assignmentStates] : statesOf(row);
  return isStoppedAtTheDoor(caller) ? all.filter((state, index) => index === 0 || state === 'shared' || state === 'absent') : all;
}

function isOnTask({ object = 'task' }: Row): boolean {
  return object === 'task';
}

function statesOf(row: Row): readonly State[] {
  const { object = 'task', states: own } = row;
  if (own) return own;
  if (object === 'nothing') return ['own'];
  if (object === 'projection') return ['own', 'absent'];
  if (object !== 'task') return object.states;
  return absentOf(row) === undefined ? states.filter((state) => state !== 'no id at all') : states;
}

/** What the object is the absence of; undefined for a call that names none. */
function absentOf({ object = 'task', for: whom, absent }: Row): string | undefined {
  if (absent !== undefined) return absent;
  if (object === 'projection') return 'PROJECTION_NOT_FOUND';
  if (typeof object === 'object') return object.absent;
  return typeof whom === 'object' ? 'TASK_NOT_FOUND' : undefined;
}

/** An admin's token stands for an admin where the call is for admins. */
function relationIn(row: Row, caller: CallerKind, state: State) {
  return row.for === 'admins' && isToken(caller) ? relationOf('admin', state) : relationOf(caller, state);
}
