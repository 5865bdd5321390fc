import type { Benchmark, Stage } from '../support/benchmark.ts';
import { load, measured } from '../support/load.ts';
import { alternating, figureOf } from '../support/pairs.ts';
import { type Person, register, type Service, startPostgres, startService } from '../support/service.ts';

const logins = 64;
const tasks = 25;

/** People reading their tasks, while 64 others sign in all the time: hashing passwords is to starve nobody. */
export const benchmark: Benchmark = {
  id: 'S9',
  title: 'authenticated reads beside 64 logins at once, against the same reads alone',
  figures: [{ id: 'S9', goal: 'p99 of authenticated reads beside 64 logins at once ≤ 2 × idle', bound: 2, direction: 'at_most' }],
  async run(stage) {
    const service = await startService(stage, { DATABASE_URL: await startPostgres(stage) });
    const reader = await register(service, 'reader');
    const read = { ...(await readingOf(service, reader)), connections: 16, arrivals: 300, seconds: stage.pick(6, 1.5) };
    const people: Person[] = [];
    while (people.length < stage.pick(logins, 24)) people.push(await register(service, `person-${people.length}`));
    const pairs = await alternating(
      stage,
      () => besideLogins(stage, service, people, read.seconds, () => measured(stage, 'beside', service, read)),
      () => measured(stage, 'alone', service, read),
    );
    return { figures: { S9: { pairs: figureOf(pairs, 'p99'), unit: 'ms', note: '300 reads a second over 16 connections.' } } };
  },
};

/** One of the reader's tasks and a page of all, in turn. */
async function readingOf({ ask }: Service, { token }: Person) {
  const paths: string[] = [];
  for (let n = 0; n < tasks; n++) {
    const { id } = await ask('POST', '/tasks', { title: `Water plant ${n}` }, token);
    paths.push(`/api/v1/tasks/${id}`, '/api/v1/tasks?per_page=25');
  }
  return { method: 'GET', paths, headers: { authorization: `Bearer ${token}` } };
}

/** Each of the people signs in again as soon as they are in: 64 are under way all the time. */
async function besideLogins<T>(stage: Stage, { port }: Service, people: Person[], seconds: number, work: () => Promise<T>): Promise<T> {
  const bodies = people.map(({ username, password }) => JSON.stringify({ username, password }));
  const signing = load(stage, {
    port,
    method: 'POST',
    paths: ['/api/v1/auth/login'],
    headers: {},
    bodies,
    connections: people.length,
    seconds: seconds + 1.5,
    patient: true,
  });
  // They are to be there before the reads, and after them.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const result = await work();
  const { rate, p50, statuses } = await signing;
  stage.say(`  logins       ${rate.toFixed(1)}/s, p50 ${p50.toFixed(0)} ms, ${JSON.stringify(statuses)}`);
  return result;
}
