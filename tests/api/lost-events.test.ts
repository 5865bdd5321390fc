import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { startWeakened } from '../support/weakened.ts';

const inPostgres = process.env.TEST_STORE !== 'eventstoredb';
async function deleteStream(url: string, stream: string): Promise<void> {
  const { EventStoreDBClient } = await import('@eventstore/db-client');
  const client = EventStoreDBClient.connectionString(url);
  await client.deleteStream(stream);
  await client.dispose();
}

let service: TestService;
let other: TestService;
let pool: pg.Pool;
let [ann, bob, admin]: Client[] = [];

beforeAll(async () => {
  service = await startTestService();
  pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  [ann, bob, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.admin()]);
  // It never reads a task before its events are gone.
  other = await startTestService({ ...service.sameStores });
}, 60_000);
afterAll(async () => {
  await other?.stop();
  await pool?.end();
  await service?.stop();
});

/** A task with four events, shared with bob, that the lists know as it is. */
async function aTask(): Promise<string> {
  const { id } = (await ann!.post('/tasks', { title: 'Water the plants' })).body;
  await ann!.patch(`/tasks/${id}`, { title: 'Water the palms' });
  await ann!.post(`/tasks/${id}/share`, { user_id: bob!.id });
  await ann!.post(`/tasks/${id}/transition`, { target_status: 'in_progress' });
  // Positions are given again where the end of the log is gone: what is taken away here is never the end.
  const done = await ann!.post('/tasks', { title: 'The end of the log' });
  for (const until = Date.now() + 10_000; ; await pause(20)) {
    const { rows } = await pool.query('select from projections.generations where position < $1', [done.headers.get('tasktrail-position')]);
    if (rows.length === 0) return id;
    if (Date.now() > until) throw new Error('the read models do not follow');
  }
}
const verify = async (who: Client, id: string) => {
  const { status, body } = await who.get(`/activity/tasks/${id}/verify`);
  return status === 200 ? body : status;
};
const everybody = () => [ann!, other.as(ann!), other.as(bob!), other.as(admin!)];

test('a task whose events are gone as a whole is found so, by whoever might see it', async () => {
  const id = await aTask();
  if (inPostgres) await pool.query('delete from event_log.events where stream = $1', [`task-${id}`]);
  else await deleteStream(service.sameStores.EVENTSTORE_URL!, `task-${id}`);
  const gone = { valid: false, events: 0, first_bad_revision: 0, head_hash: '' };
  for (const who of everybody()) expect(await verify(who, id)).toEqual(gone);
  expect(await verify(other.as(await service.someone('someone')), id)).toBe(404);
});

(inPostgres ? test : test.skip)('shows where its end was cut off, to an instance that has never read it too', async () => {
  const id = await aTask();
  await pool.query('delete from event_log.events where stream = $1 and revision > 2', [`task-${id}`]);
  for (const who of everybody()) expect(await verify(who, id)).toMatchObject({ valid: false, events: 3, first_bad_revision: 3 });
  const weakened = await startWeakened(service);
  await weakened.without('what read models know must be in the stream');
  const reply = await fetch(`${weakened.url}/api/v1/activity/tasks/${id}/verify`, { headers: { authorization: `Bearer ${ann!.token}` } });
  expect(await reply.json()).toMatchObject({ valid: true });
  await weakened.stop();
});
