import { randomUUID } from 'node:crypto';
import type { TestService } from '../../support/service.ts';
import type { BesideLog, History } from '../../support/written-tasks.ts';
import { atOnce } from './at-once.ts';
import type { Cell } from './cells.ts';
import { taskIn } from './objects.ts';
import type { People } from './people.ts';
import type { Place } from './row.ts';

/** A cell with everything that its call needs. */
export interface Prepared {
  cell: Cell;
  place: Place;
  object: ObjectOfCells;
}

/** A task, on which several cells are tried when none of them is to change it. */
interface ObjectOfCells {
  history: History;
  tag: string;
  commentId: string;
  operationId: string;
  fileId: string;
}

/** Where a matrix is run: a service, and the log and people of it. */
export interface Ground {
  service: Pick<TestService, 'url'>;
  log: BesideLog;
  people: People;
}

let numbers = 0;

/** Puts everything in place that the calls need. @returns the position behind it too */
export async function prepareAll(cells: readonly Cell[], { log, people }: Ground) {
  const objects = new Map<string, ObjectOfCells>();
  const prepared = await atOnce(cells, (cell) => prepare(cell, people, objects));
  const position = await log.write([...objects.values()].flatMap(({ history }) => (history.happenings.length > 0 ? [history] : [])));
  return { prepared, position };
}

async function prepare(cell: Cell, people: People, objects: Map<string, ObjectOfCells>): Promise<Prepared> {
  const { row, caller, state } = cell;
  const number = ++numbers;
  const owner = people.ownerFor(caller);
  const callerId = people.idOf(caller);
  const isTask = row.object === undefined || row.object === 'task';
  const object = isTask ? objectFor(cell, number, people, objects) : nothing;
  const session = row.ownSession ? await people.session(caller) : noSession;
  const place = {
    caller,
    state,
    people,
    owner,
    session,
    number,
    callerId,
    tag: object.tag,
    commentId: object.commentId,
    operationId: object.operationId,
    fileId: object.fileId,
  };
  return { cell, object, place: { ...place, id: isTask ? object.history.taskId : await idOf(cell, place) } };
}

function objectFor(cell: Cell, number: number, people: People, objects: Map<string, ObjectOfCells>): ObjectOfCells {
  const { row, caller, state } = cell;
  const ownerId = people.ownerFor(caller).id;
  const author = (row.comment ?? row.edited)?.startsWith('own') ? people.idOf(caller) : people.disabled.id;
  const key = isWritten(cell) ? `${number}` : [state, ownerId, row.tagged, row.comment, row.edited, row.file, author].join();
  const known = objects.get(key);
  if (known) return known;
  const tag = `${row.tagged ?? 'a'}${number}`;
  const [commentId, fileId] = [randomUUID(), randomUUID()];
  const comment = row.comment && { id: commentId, by: author, deleted: row.comment.endsWith('deleted') };
  const operationId = randomUUID();
  const edit = row.edited && { by: author, operation: operationId };
  const asked = { state, edit, ownerId, tags: [tag, 'left', 'right'], comment, fileId: row.file && fileId };
  const made = { tag, commentId, operationId, fileId, history: taskIn(asked, people) };
  objects.set(key, made);
  return made;
}

/** Whether the cell's object has more events afterwards. */
export function isWritten({ expected, route, row }: Cell): boolean {
  return expected === 'done' && route.method !== 'get' && !row.writesNothing;
}

const nothing: ObjectOfCells = { history: { taskId: '', happenings: [] }, tag: '', commentId: '', operationId: '', fileId: '' };
const noSession = { id: '', accessToken: '', refreshToken: '' };

async function idOf({ row, state }: Cell, place: Omit<Place, 'id'>): Promise<string> {
  const { object } = row;
  if (object === 'projection') return state === 'absent' ? 'nothing' : 'activity';
  if (typeof object !== 'object') return '';
  if (state === 'absent') return randomUUID();
  return state === 'no id at all' ? 'no-id-at-all' : object.make(place);
}
