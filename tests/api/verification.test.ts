import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Client, startTestService, type TestService } from '../support/service.ts';

/** Events of EventStoreDB cannot be tampered with from here. */
const inPostgres = process.env.TEST_STORE !== 'eventstoredb';
let service: TestService;
let pool: pg.Pool;
let ann: Client;
let bob: Client;
let admin: Client;

beforeAll(async () => {
  service = await startTestService();
  pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  [ann, bob, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.admin()]);
});
afterAll(async () => {
  await pool?.end();
  await service?.stop();
});

/** A task with four events: created, edited, shared with bob, transitioned. */
async function aTask(): Promise<string> {
  const { id } = (await ann.post('/tasks', { title: 'Water the plants', description: 'All of them' })).body;
  await ann.patch(`/tasks/${id}`, { title: 'Water the palms' });
  await ann.post(`/tasks/${id}/share`, { user_id: bob.id });
  await ann.post(`/tasks/${id}/transition`, { target_status: 'done' });
  return id;
}
const verify = async (who: Client, id: string) => {
  const { status, body } = await who.get(`/activity/tasks/${id}/verify`);
  return status === 200 ? body : status;
};
const hash = expect.stringMatching(/^[\w-]{43}$/);
const bad = (first_bad_revision: number, events = 4) => ({ valid: false, events, first_bad_revision, head_hash: hash });

describe('verifying a task', () => {
  test('recomputes its chain, whose head moves with each event', async () => {
    const id = await aTask();
    const before = await verify(ann, id);
    expect(before).toEqual({ valid: true, events: 4, first_bad_revision: null, head_hash: hash });
    expect(await verify(bob, id)).toEqual(before);
    await ann.patch(`/tasks/${id}`, { priority: 'high' });
    const after = await verify(ann, id);
    expect(after).toMatchObject({ valid: true, events: 5 });
    expect(after.head_hash).not.toBe(before.head_hash);
  });

  test('is for who may see it, its owner and admins also when it is deleted', async () => {
    const id = await aTask();
    const eve = await service.someone('eve');
    expect(await verify(eve, id)).toBe(404);
    await ann.delete(`/tasks/${id}`);
    expect(await verify(bob, id)).toBe(404);
    expect(await verify(ann, id)).toMatchObject({ valid: true, events: 5 });
    expect(await verify(admin, id)).toMatchObject({ valid: true, events: 5 });
    expect(await verify(ann, '00000000-0000-7000-8000-000000000000')).toBe(404);
  });
});

(inPostgres ? describe : describe.skip)('a task whose events were tampered with', () => {
  const set = (what: string, revision: number) => `update event_log.events set ${what} where stream = $1 and revision = ${revision}`;
  const flip = (column: string) => `${column} = set_byte(${column}, 12, get_byte(${column}, 12) # 1)`;
  const json = `convert_from(data, 'UTF8')`;
  const inTheBox = `data = convert_to(overlay(${json} placing 'AAAA' from position('$sealed' in ${json}) + 60 for 4), 'UTF8')`;
  const swap = [set('revision = 9', 1), set('revision = 1', 2), set('revision = 2', 9)];
  /** How, the first bad revision, and how many events are left. */
  const tamperings: [string, string[], number, number][] = [
    ['text that does not decrypt', [set(inTheBox, 1)], 1, 4],
    ['data that is no JSON any more', [set(`data = '\\x00'`, 0)], 0, 4],
    ['a changed byte', [set(flip('data'), 2)], 2, 4],
    ['metadata that is no JSON any more', [set(flip('metadata'), 0)], 0, 4],
    ['metadata that is empty', [set(`metadata = ''`, 3)], 3, 4],
    ['a type that does not exist', [set(`type = 'TaskVanished'`, 1)], 1, 4],
    ['a type that does not fit', [set(`type = 'CommentEdited'`, 3)], 3, 4],
    ['a dropped event', ['delete from event_log.events where stream = $1 and revision = 1'], 1, 3],
    ['events in another order', swap, 1, 4],
    [
      'an inserted event',
      [
        `insert into event_log.events select (select max(position) + 1 from event_log.events), origin, 4, stream, gen_random_uuid(), type, metadata, data
         from event_log.events where stream = $1 and revision = 3`,
      ],
      4,
      5,
    ],
  ];
  let ids: string[];
  let heads: string[];
  let other: TestService;

  beforeAll(async () => {
    ids = await Promise.all(tamperings.map(aTask));
    heads = await Promise.all(ids.map(async (id) => (await verify(ann, id)).head_hash));
    other = await startTestService({ DATABASE_URL: service.connectionString });
    for (const [index, [, statements]] of tamperings.entries())
      for (const statement of statements) await pool.query(statement, [`task-${ids[index]}`]);
  });
  afterAll(() => other?.stop());

  test.each(tamperings.map(([how, , revision, events], index) => ({ how, revision, events, index })))(
    'is told with the first bad revision: $how',
    async ({ revision, events, index }) => {
      const id = ids[index]!;
      expect(await verify(ann, id)).toEqual(bad(revision, events));
      expect((await verify(ann, id)).head_hash).not.toBe(heads[index]);
      // An instance that has not read the task before has nothing else to go by.
      expect(await verify(other.as(ann), id)).toEqual(bad(revision, events));
      expect(await verify(other.as(admin), id)).toEqual(bad(revision, events));
      expect(await verify(other.as(await strangerOf()), id)).toBe(404);
    },
  );

  let stranger: Client | undefined;
  const strangerOf = async () => (stranger ??= await service.someone('stranger'));
});
