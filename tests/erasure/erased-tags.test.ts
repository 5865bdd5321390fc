import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { created, deleted, edited, tagged } from '../support/happenings.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Client, createClient, readLog } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';
import { type BesideLog, openBesideLog } from '../support/written-tasks.ts';
import { everyTable, found } from './everything-kept.ts';

jest.setTimeout(60_000);

const password = 'Passw0rd-of-mine';
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let service: Weakened;
let beside: BesideLog;
beforeAll(async () => {
  database = await createTestDatabase();
  service = await startWeakened({ sameStores: { DATABASE_URL: database.connectionString } });
  beside = await openBesideLog({ sameStores: { DATABASE_URL: database.connectionString } });
});
afterAll(async () => {
  await beside?.close();
  await service?.stop();
  await database?.drop();
});

let people = 0;

async function register(): Promise<Client> {
  const username = `person-${++people}`;
  const { body } = await createClient(service.url).post('/auth/register', { email: `${username}@tasks.test`, username, password });
  return { ...createClient(service.url, body.access_token), id: body.user.id, username };
}

/** Where tags are kept once their owner is erased: of tasks that were written today, and of one with events of the first vocabulary. */
async function tagsAfterErasure(): Promise<{ today: string[]; older: string[] }> {
  const [owner, reader] = [await register(), await register()];
  const [today, older] = [`today-${owner.username}`, `older-${owner.username}`];
  const task = (await owner.post('/tasks', { title: 'Own', tags: [`${today}-a`], assignee_id: reader.id })).body;
  await owner.patch(`/tasks/${task.id}`, { tags: [`${today}-b`] });
  const binned = (await owner.post('/tasks', { title: 'Binned', tags: [`${today}-c`] })).body;
  await owner.delete(`/tasks/${binned.id}`);
  const [first, second] = [randomUUID(), randomUUID()];
  const data = { owner_id: owner.id, tags: [`${older}-a`] };
  const by = { by: owner.id };
  const position = await beside.write(
    [
      {
        taskId: first,
        happenings: [
          { ...created({ ...data, assignee_id: reader.id }), ...by },
          { ...tagged(data.tags, [`${older}-b`]), ...by },
        ],
      },
      {
        taskId: second,
        happenings: [
          { ...created(data), ...by },
          { ...edited({ title: { from: 'a', to: 'b' } }), ...by },
          { ...deleted(data), ...by },
        ],
      },
    ],
    1,
  );
  const listed = await reader.get('/tags', { 'tasktrail-position': position.toString() });
  expect(listed.body.items.map(({ tag }: { tag: string }) => tag).sort()).toEqual([`${older}-b`, `${today}-b`]);
  expect((await owner.delete('/auth/me', { password })).status).toBe(204);
  expect((await reader.get('/tags')).body.items).toEqual([]);
  const tables = await everyTable(database.connectionString);
  const places = (word: string) => found([word], tables).filter((place) => !place.includes('the samples of'));
  return { today: places(today), older: places(older) };
}

test('tags of erased tasks are nowhere but in events of the first vocabulary', async () => {
  const { today, older } = await tagsAfterErasure();
  expect(today).toEqual([]);
  expect(older.map((place) => place.split(' in ')[1])).toEqual(['event_log.events']);
  const log = await readLog({ DATABASE_URL: database.connectionString });
  const inClear = log.filter(({ data }) => data.toString().includes('older-'));
  expect(new Set(inClear.map(({ metadata }) => JSON.parse(metadata.toString()).schema_version))).toEqual(new Set([1]));
});

test.each([
  ['every member with tags is sealed', /event_log\.events/],
  ['erased tasks lose their tags', /listing_v\d+_g1\.tasks/],
  ['versions of erased tasks lose their tags', /history_v\d+_g1\.versions/],
  ['the timeline of erased tasks loses their tags', /activity_v\d+_g1\.activity/],
])('without the defence that %s, they are found', async (name, place) => {
  await service.without(name);
  const { today } = await tagsAfterErasure();
  await service.without();
  expect(today.join()).toMatch(place);
});
