import { request } from 'node:http';
import type { Route } from '../../../src/api/route.ts';
import { cellsOf, nameOf } from '../authorisation/cells.ts';
import type { CallerKind } from '../authorisation/contract.ts';
import { type Ground, prepareAll } from '../authorisation/prepare.ts';
import { requestOf } from '../authorisation/request.ts';
import { rows } from '../authorisation/rows.ts';

/** A route, and a call of it that would be carried out. */
export interface Target {
  name: string;
  route: Route;
  method: string;
  /** With the query. */
  path: string;
  headers: Record<string, string>;
  /** Whether it takes a body; what a good one is. */
  takesBody: boolean;
  good: unknown;
}

const who: readonly CallerKind[] = ['owner', 'admin'];

/** One call of each route, by somebody who may, on something that is there. */
export async function targetsOf(routes: readonly Route[], ground: Ground): Promise<Target[]> {
  const seen = new Set<string>();
  const cells = cellsOf(routes, rows, who).filter(({ route, expected }) => {
    const isFirst = expected === 'done' && !seen.has(nameOf(route));
    if (isFirst) seen.add(nameOf(route));
    return isFirst;
  });
  const { prepared } = await prepareAll(cells, ground);
  return prepared.map((one) => {
    const { method, path, proof, body } = requestOf(one);
    const { route, name } = one.cell;
    const fuller = fullBodies[nameOf(route)]?.(ground.people.stranger.id);
    const takesBody = method !== 'GET' && method !== 'DELETE' && route.upload === undefined && !route.anyBody;
    return {
      name,
      route,
      method,
      path,
      headers: proof === undefined ? {} : { authorization: `Bearer ${proof}` },
      takesBody,
      good: merged(body, fuller),
    };
  });
}

/** Bodies with all that can be in them: each part is a way in. */
const fullBodies: Record<string, (person: string) => object> = {
  'POST /tasks': everything,
  'PUT /tasks/:task_id': everything,
  'PATCH /tasks/:task_id': everything,
  'PATCH /auth/me': () => ({ full_name: 'Somebody', timezone: 'UTC' }),
  'POST /auth/register': () => ({ username: 'somebody-new', full_name: 'Somebody New' }),
  'POST /tasks/:task_id/transfer': () => ({ keep: 'view' }),
  'POST /tasks/:task_id/share': () => ({ permission: 'view' }),
  'POST /tasks/:task_id/undo': () => ({ revision: 1 }),
  'POST /activity/undo': () => ({ from: '2020-01-01', to: '2020-01-02', dry_run: true }),
  'POST /auth/tokens': () => ({ expires_at: '2096-01-01T00:00:00.000Z' }),
};

function everything(person: string): object {
  return { title: 'A', description: 'B', priority: 'low', status: 'todo', due_date: '2030-01-31', tags: ['a'], assignee_id: person };
}

function merged(body: unknown, fuller: object | undefined): unknown {
  return fuller && typeof body === 'object' ? { ...body, ...fuller } : body;
}

export interface Told {
  status: number;
  code: string | undefined;
  text: string;
}

const ANSWER_WITHIN = 30_000;

/** Sends bytes as they are; a connection that the service closes with its answer is one that has answered. */
export function tell(
  url: string,
  { method, path, headers }: Pick<Target, 'method' | 'path' | 'headers'>,
  body?: string | Buffer,
): Promise<Told> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sized = body === undefined ? headers : { ...headers, 'content-length': String(Buffer.byteLength(body)) };
    const sent = request({ hostname, port, method, path, headers: sized, agent: false, timeout: ANSWER_WITHIN }, (response) => {
      const chunks: Buffer[] = [];
      const answered = () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: response.statusCode!, text, code: /"code":"([A-Z_]+)"/.exec(text)?.[1] });
      };
      // A stream that was opened has no end: that it was is the answer.
      if (response.headers['content-type']?.startsWith('text/event-stream')) {
        answered();
        sent.destroy();
      }
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', answered);
    });
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${path.slice(0, 100)}: no answer`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** How often each status was answered. */
export function counted(statuses: readonly number[]): string {
  const counts = new Map<number, number>();
  for (const status of statuses) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([status, count]) => `${status}: ${count}`)
    .join(', ');
}

/**
 * The lines of a service's log that tell of a fault. A connection of a projector that ran out of time, as when the machine stands still,
 * is none: it connects anew. An event that it cannot apply is.
 */
export function faultsIn(log: readonly string[]): string[] {
  const isLostConnection = (line: string) => line.includes('does not go on: Client has encountered a connection error');
  return log.filter((line) => line.includes('"level":"error"') && !isLostConnection(line));
}
