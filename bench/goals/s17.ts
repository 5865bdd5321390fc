import { type ClientRequest, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark, Pair, Stage } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { type Load, measured } from '../support/load.ts';
import { alternating, figureOf } from '../support/pairs.ts';
import { type Person, register, type Service, startPostgres, startService } from '../support/service.ts';

/** What one account may send in a minute, as the service ships. */
const REQUESTS_PER_MINUTE = 600;
const ABORT_SEARCH_MS = 400;
const TASKS_AT_A_TIME = 32;

/** One user reads and writes, while another account does all that its limits allow to be in the way. */
export const benchmark: Benchmark = {
  id: 'S17',
  title: 'reads and commands beside one account that produces the worst load within its limits, against the same alone',
  figures: [
    {
      id: 'S17',
      goal: 'p99 of another user’s reads beside the worst load of one account ≤ 2 × without it',
      bound: 2,
      direction: 'at_most',
    },
    { id: 'S17.commands', goal: 'p99 of another user’s commands beside that load ≤ 2 × without it', bound: 2, direction: 'at_most' },
  ],
  minutes: 20,
  async run(stage) {
    const service = await startService(stage, { DATABASE_URL: await startPostgres(stage), WEBHOOK_ALLOW_PRIVATE: 'true' });
    const reader = await register(service, 'reader');
    const attacker = await prepareAttacker(stage, service);
    const figures: [string, Omit<Load, 'port'>][] = [
      ['S17', await readingOf(stage, service, reader)],
      ['S17.commands', { ...createTask({ token: reader.token }), connections: 16, arrivals: 100, seconds: stage.pick(8, 2) }],
    ];
    const measuredFigures: Record<string, { pairs: Pair[]; unit: string; note: string }> = {};
    for (const [id, work] of figures) {
      const pairs = await alternating(
        stage,
        () => besideAttack(stage, service, attacker, () => measured(stage, 'beside', service, work)),
        () => measured(stage, 'alone', service, work),
      );
      const note = `${work.arrivals} requests a second; the other account sends ${REQUESTS_PER_MINUTE} a minute.`;
      measuredFigures[id] = { pairs: figureOf(pairs, 'p99'), unit: 'ms', note };
    }
    return { figures: measuredFigures };
  },
};

interface Attacker extends Person {
  webhookId: string;
  /** The one with the comments. */
  taskId: string;
}

/** An account with thousands of tasks, a task with thousands of comments, and a webhook whose receiver does not exist. */
async function prepareAttacker(stage: Stage, service: Service): Promise<Attacker> {
  const person = await register(service, 'attacker');
  const ask = (method: string, path: string, body: unknown) => service.ask(method, path, body, person.token);
  const many = async (count: number, one: (n: number) => Promise<unknown>) => {
    let next = 0;
    const worker = async () => {
      while (next < count) await one(next++);
    };
    await Promise.all(Array.from({ length: TASKS_AT_A_TIME }, worker));
  };
  const description = 'a b c d e f g h i j k l m n o p q r s t u v w x y z '.repeat(20);
  await many(stage.pick(6_000, 300), (n) => ask('POST', '/tasks', { title: `Task ${n}`, description }));
  const { id: taskId } = await ask('POST', '/tasks', { title: 'Much discussed' });
  await many(stage.pick(8_000, 300), (n) => ask('POST', `/tasks/${taskId}/comments`, { content: `Comment ${n}` }));
  const { id: webhookId } = await ask('POST', '/webhooks', { url: 'http://127.0.0.1:9/none', types: ['*'] });
  return { ...person, taskId, webhookId };
}

/** One of the reader's tasks and a page of all, in turn. */
async function readingOf(stage: Stage, { ask }: Service, { token }: Person): Promise<Omit<Load, 'port'>> {
  const paths: string[] = [];
  for (let n = 0; n < 25; n++) {
    const { id } = await ask('POST', '/tasks', { title: `Water plant ${n}` }, token);
    paths.push(`/api/v1/tasks/${id}`, '/api/v1/tasks?per_page=25');
  }
  return {
    method: 'GET',
    paths,
    headers: { authorization: `Bearer ${token}` },
    connections: 16,
    arrivals: 300,
    seconds: stage.pick(8, 2),
  };
}

/** Does the work while the attack goes on, which begins before it and ends behind it. */
async function besideAttack<T>(stage: Stage, service: Service, attacker: Attacker, work: () => Promise<T>): Promise<T> {
  const attack = startAttack(service, attacker);
  await pause(1_000);
  try {
    return await work();
  } finally {
    const statuses = await attack.stop();
    stage.say(`  the account was answered ${JSON.stringify(statuses)}`);
  }
}

/** What it sends, one after another, each for one request of its budget. */
function startAttack({ port }: Service, { token, taskId, webhookId }: Attacker) {
  const stopping = new AbortController();
  const open = new Set<ClientRequest>();
  const statuses: Record<string, number> = {};

  const send = (method: string, path: string, { body, isRead = true }: { body?: string; isRead?: boolean } = {}): ClientRequest => {
    const headers = { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) };
    const asking = request({ host: '127.0.0.1', port, method, path: `/api/v1${path}`, headers, agent: false }, (answer) => {
      const status = String(answer.statusCode);
      statuses[status] = (statuses[status] ?? 0) + 1;
      answer.on('error', () => {});
      if (isRead) answer.resume();
      else answer.pause();
    });
    open.add(asking);
    asking.on('error', () => {});
    asking.on('close', () => open.delete(asking));
    asking.end(body);
    return asking;
  };

  const now = () => encodeURIComponent(new Date(Date.now() - 1_000).toISOString());
  const search = () => {
    const asking = send('GET', `/tasks?as_of=${now()}&search=${encodeURIComponent('a b c d e f g h i j')}`);
    setTimeout(() => asking.destroy(), ABORT_SEARCH_MS);
  };
  const largeBody = JSON.stringify(Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`key ${n} ${'x'.repeat(85)}`, n])));
  const hostileBody = JSON.stringify({ title: '\u0000'.repeat(150_000) });
  const comment = () => send('POST', `/tasks/${taskId}/comments`, { body: JSON.stringify({ content: 'One more' }) });
  const mix = [
    search,
    search,
    search,
    () => send('POST', '/tasks', { body: largeBody }),
    () => send('POST', '/tasks', { body: hostileBody }),
    () => send('GET', '/tasks?format=ndjson', { isRead: false }),
    () => send('POST', `/webhooks/${webhookId}/replay`, { body: JSON.stringify({ after: '0' }) }),
    () => send('GET', `/tasks/${taskId}?as_of=${now()}`),
    comment,
    comment,
  ];
  const attacking = (async () => {
    for (let n = 0; !stopping.signal.aborted; n++) {
      mix[n % mix.length]!();
      await pause(60_000 / REQUESTS_PER_MINUTE, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await attacking;
      for (const asking of open) asking.destroy();
      return statuses;
    },
  };
}
