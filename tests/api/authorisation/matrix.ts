import { isDeepStrictEqual } from 'node:util';
import { taskStream } from '../../../src/events/task/task-events.ts';
import { atOnce, createTurns } from './at-once.ts';
import type { Cell } from './cells.ts';
import { canary } from './objects.ts';
import { type Ground, isWritten, type Prepared, prepareAll } from './prepare.ts';
import { requestOf } from './request.ts';
import type { Place } from './row.ts';

/** A cell that is not as the contract says, in words. */
export interface Red {
  cell: Cell;
  why: string;
}

interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

const ANSWER_WITHIN = 30_000;

/** Makes every call of these cells, those that change something each on an object of its own. @returns what is not as the contract says */
export async function runMatrix(cells: readonly Cell[], ground: Ground): Promise<Red[]> {
  const { log } = ground;
  const { prepared, position } = await prepareAll(cells, ground);
  const oneAfterTheOther = createTurns();
  const answers = await atOnce(prepared, (one) => {
    const ask = () => call(one, ground, position);
    return one.cell.row.oneByOne ? oneAfterTheOther(ask) : ask();
  });
  const lengths = await log.lengths();
  const reds = prepared.flatMap((one, index) => {
    const why = wrongWith(one, answers[index]!, lengths);
    return why === undefined ? [] : [{ cell: one.cell, why }];
  });
  return [...reds, ...tellingApart(prepared, answers)];
}

async function call(prepared: Prepared, { service }: Ground, position: bigint): Promise<Answer> {
  const { method, path, proof, body } = requestOf(prepared);
  const { type } = prepared.cell.row;
  const response = await fetch(service.url + path, {
    method,
    headers: {
      ...(proof !== undefined && { authorization: `Bearer ${proof}` }),
      ...(body !== undefined && { 'content-type': type ?? 'application/json' }),
      'tasktrail-position': String(position),
    },
    ...(body !== undefined && { body: type === undefined ? JSON.stringify(body) : String(body) }),
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_WITHIN),
  }).catch((error: unknown) => {
    throw new Error(`${prepared.cell.name} by ${prepared.cell.caller}: no answer`, { cause: error });
  });
  return { status: response.status, headers: response.headers, text: await textOf(response) };
}

/** What is streamed has no end: its first piece. */
async function textOf(response: Response): Promise<string> {
  if (response.headers.get('content-type') !== 'text/event-stream') return response.text();
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value);
}

/** @returns what is wrong, undefined when nothing is */
function wrongWith(
  { cell, place, object: { history } }: Prepared,
  answer: Answer,
  lengths: ReadonlyMap<string, number>,
): string | undefined {
  const { expected } = cell;
  const became = outcomeOf(cell, answer);
  if (became !== expected) return `${became}, not ${expected}`;
  if (answer.status === 401 && !answer.headers.get('www-authenticate')?.startsWith('Bearer ')) return 'no WWW-Authenticate';
  if (expected !== 'done' && answer.text.includes(canary)) return 'the refusal tells what is in the task';
  if (cell.shown !== undefined && isShown(cell, place, answer) !== cell.shown) return cell.shown ? 'does not show it' : 'shows it';
  if (history.happenings.length === 0) return undefined;
  const more = (lengths.get(taskStream(history.taskId)) ?? 0) - history.happenings.length;
  if (isWritten(cell) ? more < 1 : more !== 0) return `${more} events were appended`;
  return undefined;
}

function outcomeOf({ row }: Cell, { status, text }: Answer): string {
  const body = parsed(text);
  const done: readonly (number | string)[] = [row.done].flat();
  const refusal = `${status} ${(body as { error?: { code?: string } })?.error?.code ?? ''}`;
  if (!done.includes(status) && !done.includes(refusal)) return refusal;
  return row.inside ? row.inside({ status, body }) : 'done';
}

function isShown({ row }: Cell, place: Place, { status, text }: Answer): boolean {
  const body = parsed(text) ?? text;
  if (row.list?.has) return row.list.has({ status, body }, place);
  return (body as { items: { id: string }[] }).items.some(({ id }) => id === place.id);
}

/** Of what is absent for a caller, nothing in the answer tells whether it is there: all such answers are the same bytes. */
function tellingApart(prepared: readonly Prepared[], answers: readonly Answer[]): Red[] {
  const first = new Map<string, ReturnType<typeof bytesOf>>();
  const reds: Red[] = [];
  prepared.forEach(({ cell, place }, index) => {
    if (!cell.expected.startsWith('404')) return;
    const bytes = bytesOf(answers[index]!, place);
    const key = `${cell.name} ${cell.caller} ${cell.expected}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, bytes);
    else if (!isDeepStrictEqual(other, bytes)) reds.push({ cell, why: `tells apart: ${JSON.stringify([other, bytes])}` });
  });
  return reds;
}

const ofEachAnswer = ['date', 'x-request-id', 'tasktrail-operation', 'x-ratelimit-remaining', 'x-ratelimit-reset', 'content-length'];

/** All of an answer but what differs between any two, and the id that was asked for. */
function bytesOf({ status, headers, text }: Answer, { id }: Place) {
  const kept = [...headers].filter(([name]) => !ofEachAnswer.includes(name)).sort();
  return { status, headers: kept, text: text.replaceAll(id, ':id').replace(/"request_id":"[^"]*"/, '"request_id":""') };
}

export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What came out wrong, as lines. */
export function redLines(reds: readonly Red[]): string[] {
  return reds.map(({ cell, why }) => `${cell.name} × ${cell.caller} × ${cell.state}: ${why}`);
}
