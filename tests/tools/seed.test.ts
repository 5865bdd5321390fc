import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Client, createClient, startTestService, type TestService } from '../support/service.ts';
import { dataDirectory, type Outcome, runTool } from './run-tool.ts';

jest.setTimeout(90_000);

const directory = dataDirectory();
let database: TestDatabase;
let environment: Record<string, string>;
let seeded: Outcome;
let service: TestService;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = { DATA_DIR: directory.path, DATABASE_URL: database.connectionString };
  seeded = await runTool('seed', [], environment);
  service = await startTestService(environment);
});
afterAll(async () => {
  await service?.stop();
  await database?.drop();
  await directory.remove();
});

const logins = () =>
  [...seeded.stdout.matchAll(/^ {2}(\w+) +(\S+@\S+) +(\S+)$/gm)].map(([, username, email, password]) => ({ username, email, password }));

async function logIn(username: string): Promise<Client> {
  const login = logins().find((known) => known.username === username)!;
  const reply = await service.anonymous.post('/auth/login', { username, password: login.password });
  expect(reply.status).toBe(200);
  return createClient(service.url, reply.body.access_token);
}

test('three people and an admin can log in with what was printed, and see the work of weeks', async () => {
  expect(seeded).toMatchObject({ code: 0, stdout: expect.stringContaining('200 tasks are there') });
  expect(logins().map(({ username }) => username)).toEqual(['admin', 'mara', 'jonas', 'priya']);
  expect(seeded.stderr).toContain('seeding: 100 %');
  const admin = await logIn('admin');
  const { body: stats } = await admin.get('/tasks/stats?scope=everyone');
  expect(stats.total).toBeGreaterThan(170);
  for (const status of ['todo', 'in_progress', 'blocked', 'done', 'cancelled']) expect(stats.by_status[status]).toBeGreaterThan(0);
  expect(stats.overdue).toBeGreaterThan(0);
  expect(stats.created_last_7_days).toBeGreaterThan(3);
  const { body: soon } = await admin.get(`/tasks?scope=everyone&due_after=${day(-7)}&due_before=${day(7)}`);
  expect(soon.total).toBeGreaterThan(10);
  const mara = await logIn('mara');
  expect((await mara.get('/tasks?scope=assigned')).body.total).toBeGreaterThan(3);
  expect(
    (await mara.get('/tasks?deleted=true')).body.total + (await (await logIn('jonas')).get('/tasks?deleted=true')).body.total,
  ).toBeGreaterThan(0);
});

test('what happened lies in the log in the order of its times, is of every kind, and none of it is of the future', async () => {
  const pool = new pg.Pool({ connectionString: database.connectionString, max: 1 });
  const { rows } = await pool
    .query<{ type: string; at: string; task: string; to: string | null }>(
      `select type, stream as task, convert_from(metadata, 'UTF8')::json->>'occurred_at' as at,
              convert_from(data, 'UTF8')::json->'status'->>'to' as to
         from event_log.events where position <= (select max(position) from event_log.events where stream like 'task-%') order by position`,
    )
    .finally(() => pool.end());
  const times = rows.map(({ at }) => at);
  expect(times).toEqual([...times].sort());
  expect(Date.parse(times[0]!)).toBeLessThan(Date.now() - 50 * 86_400_000);
  expect(Date.parse(times.at(-1)!)).toBeLessThanOrEqual(Date.now());
  const count = (type: string) => rows.filter((event) => event.type === type).length;
  expect(count('UserRegistered')).toBe(4);
  expect(count('TaskCreated')).toBe(200);
  expect(rows.length).toBeGreaterThan(700);
  for (const type of ['TaskEdited', 'TaskTagsChanged', 'TaskTransitioned', 'TaskAssigned', 'TaskUnassigned', 'TaskDeleted', 'TaskRestored'])
    expect([type, count(type) > 0]).toEqual([type, true]);
  const reopened = rows.filter(
    ({ to, task }, index) => to === 'todo' && rows.slice(0, index).some((before) => before.task === task && before.to === 'done'),
  );
  expect(reopened.length).toBeGreaterThan(3);
});

test('is refused while the service runs, a second time, with a weak password, and in production', async () => {
  expect(await runTool('seed', [], environment)).toMatchObject({ code: 1, stderr: expect.stringContaining('stop every instance first') });
  await service.stop();
  expect(await runTool('seed', [], environment)).toMatchObject({ code: 1, stderr: expect.stringContaining('jonas, mara, priya') });
  expect(await runTool('seed', ['--password', 'short'], environment)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('usage: npm run seed'),
  });
  const production = await runTool('seed', [], { ...environment, ENVIRONMENT: 'production' });
  expect(production).toMatchObject({ code: 1, stderr: expect.stringContaining('production') });
});

function day(distance: number): string {
  return new Date(Date.now() + distance * 86_400_000).toISOString().slice(0, 10);
}
