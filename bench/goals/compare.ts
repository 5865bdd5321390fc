import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Benchmark, Stage, Table } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { type LoadResult, measured } from '../support/load.ts';
import { alternating, medianOf } from '../support/pairs.ts';
import type { Work } from '../support/requests.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { askAt, register, startBaseline, startPostgres, startService } from '../support/service.ts';

/** One of the two, as somebody who reads a thousand old tasks and somebody who makes new ones see it. */
interface Side {
  name: string;
  server: ServerProcess;
  /** Before every path. */
  base: string;
  reader: string;
  writer: string;
  history(id: string): string;
}

type Endpoint = 'create' | 'read one' | 'list 25' | 'update' | 'transition' | 'history' | 'delete';

const connections = 64;
const secret = 'a secret of the comparison, long enough for its purpose';

/** The same work on a plain table with an audit row beside each change: what event sourcing costs, or gains. */
export const benchmark: Benchmark = {
  id: 'compare',
  title: 'the same endpoints on a plain table with an audit row beside each change',
  figures: [],
  ownRunOnly: true,
  async run(stage) {
    const database = await startPostgres(stage);
    const [service, plain] = [await serviceSide(stage, database), await plainSide(stage, database)];
    const [size, from] = [stage.pick(1000, 50), stage.pick(3000, 200)];
    for (const side of [service, plain]) for (let n = 0; n < size; n++) await createOne(side);
    const pairs = await alternating(
      stage,
      () => measureAll(stage, service, from),
      () => measureAll(stage, plain, from),
    );
    return { figures: {}, tables: [tableOf(pairs)] };
  },
};

async function serviceSide(stage: Stage, database: string): Promise<Side> {
  const service = await startService(stage, { DATABASE_URL: database });
  const [reader, writer] = [await register(service, 'reader'), await register(service, 'writer')];
  const history = (id: string) => `/activity/tasks/${id}`;
  return { name: 'service', server: service, base: '/api/v1', reader: reader.token, writer: writer.token, history };
}

async function plainSide(stage: Stage, database: string): Promise<Side> {
  const server = await startBaseline(stage, 'crud-audit.ts', { DATABASE_URL: database, JWT_SECRET: secret });
  const history = (id: string) => `/tasks/${id}/audit`;
  return { name: 'plain', server, base: '', reader: await plainToken(), writer: await plainToken(), history };
}

function plainToken(): Promise<string> {
  const claims = new SignJWT().setProtectedHeader({ alg: 'HS256' }).setSubject(randomUUID()).setIssuedAt().setExpirationTime('1d');
  return claims.sign(new TextEncoder().encode(secret));
}

async function createOne({ server, base, reader }: Side): Promise<void> {
  await askAt(server, `${base}/tasks`, 'POST', { title: 'Water the plants', description: 'All of them', tags: ['home'] }, reader);
}

/** Each endpoint in turn; what is changed are tasks that this round made. */
async function measureAll(stage: Stage, side: Side, tasks: number): Promise<Record<Endpoint, LoadResult>> {
  const { base, reader, writer, history } = side;
  const seconds = stage.pick(1.5, 0.3);
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  const run = (name: string, work: Work) => measured(stage, `${side.name} ${name}`, side.server, { ...work, connections, seconds });
  const old = await newestOf(side, reader, stage.pick(1000, 50));
  const create = await run('create', { ...createTask(), ...as(writer), paths: [`${base}/tasks`] });
  const made = await newestOf(side, writer, tasks);
  const each = (path: (id: string) => string) => ({ ...as(writer), paths: made.map((id) => `${base}${path(id)}`) });
  const task = (id: string) => `/tasks/${id}`;
  // What is done once to each takes as long as it takes.
  const once = { once: true, seconds: 60 };
  return {
    create,
    'read one': await run('read one', { ...as(reader), method: 'GET', paths: old.map((id) => base + task(id)) }),
    'list 25': await run('list 25', { ...as(reader), method: 'GET', paths: [`${base}/tasks?page=1&per_page=25`] }),
    update: await run('update', { ...each(task), method: 'PATCH', bodies: texts() }),
    transition: await run('transition', {
      ...each((id) => `${task(id)}/transition`),
      method: 'POST',
      bodies: [JSON.stringify({ target_status: 'in_progress' })],
      ...once,
    }),
    history: await run('history', { ...each(history), method: 'GET' }),
    delete: await run('delete', { ...each(task), method: 'DELETE', ...once }),
  };
}

/** Texts that no task has yet, so that every update is one. */
function texts(): string[] {
  return Array.from({ length: 50 }, () => JSON.stringify({ description: `All of them, also ${randomUUID()}` }));
}

async function newestOf({ server, base }: Side, token: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let page = 1; ids.length < count; page++) {
    const { items } = await askAt(server, `${base}/tasks?page=${page}&per_page=100`, 'GET', undefined, token);
    if (items.length === 0) break;
    ids.push(...items.map(({ id }: { id: string }) => id));
  }
  return ids.slice(0, count);
}

function tableOf(pairs: readonly [Record<Endpoint, LoadResult>, Record<Endpoint, LoadResult>][]): Table {
  const rows = (Object.keys(pairs[0]![0]) as Endpoint[]).map((endpoint) => {
    const of = (side: 0 | 1, figure: 'rate' | 'p50' | 'p99') => medianOf(pairs.map((pair) => pair[side][endpoint][figure]));
    const ratio = medianOf(pairs.map(([service, plain]) => service[endpoint].rate / plain[endpoint].rate));
    const times = ([0, 1] as const).map((side) => [of(side, 'p50'), of(side, 'p99')].map((value) => value.toFixed(1)).join(' / '));
    return [endpoint, Math.round(of(0, 'rate')), Math.round(of(1, 'rate')), `${ratio.toFixed(2)} ×`, ...times];
  });
  return {
    title: 'The price, or gain, of event sourcing',
    columns: ['endpoint', 'Tasktrail, requests/s', 'plain table, requests/s', 'ratio', 'Tasktrail p50 / p99 ms', 'plain p50 / p99 ms'],
    rows,
    note: `Medians of ${pairs.length} rounds in turn, ${connections} connections, both on the same PostgreSQL server. The plain table is \`bench/baselines/crud-audit.ts\`: tokens verified, bodies validated, the audit row written in the transaction of the change; no request log, no rate limits, no idempotency, nothing sealed, no history of states.`,
  };
}
