import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let ann: Client;
let bob: Client;
let cid: Client;
let admin: Client;

beforeAll(async () => {
  service = await startTestService();
  [ann, bob, cid, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.someone('cid'), service.admin()]);
});
afterAll(() => service?.stop());

const aTask = async (by = ann): Promise<string> => (await by.post('/tasks', { title: 'Water the plants' })).body.id;
const aSharedTask = async (permission = 'view'): Promise<string> => {
  const id = await aTask();
  expect((await ann.post(`/tasks/${id}/share`, { username: 'bob', permission })).status).toBe(201);
  return id;
};
const named = (client: Client) => ({ id: client.id, username: client.username, full_name: `${client.username} Example` });
const code = (reply: { body: { error: { code: string } } }) => reply.body.error.code;
const listed = async (client: Client, query = '') =>
  (await client.get(`/tasks?per_page=100${query}`)).body.items.map(({ id }: { id: string }) => id);

describe('sharing a task', () => {
  test('answers the share, and the sharee finds the task at once', async () => {
    const id = await aTask();
    const reply = await ann.post(`/tasks/${id}/share`, { username: 'BOB' });
    expect(reply.status).toBe(201);
    expect(reply.body).toEqual({
      task_id: id,
      user: named(bob),
      permission: 'view',
      shared_at: expect.stringMatching(/Z$/),
      shared_by: named(ann),
    });
    expect(reply.headers.get('etag')).toBe('"1"');
    expect((await bob.get(`/tasks/${id}`)).body).toMatchObject({ permission: 'view', share_count: 1 });
    expect(await listed(bob, '&scope=shared')).toContain(id);
    expect((await bob.get('/tasks/shared-with-me')).body.items.map((task: { id: string }) => task.id)).toContain(id);
  });

  test('by id and by e-mail, but by one of them only', async () => {
    const id = await aTask();
    expect((await ann.post(`/tasks/${id}/share`, { user_id: bob.id, permission: 'edit' })).body.permission).toBe('edit');
    await service.verifyAddress(cid);
    expect((await ann.post(`/tasks/${id}/share`, { email: 'CID@tasks.test' })).body.user.username).toBe('cid');
    const two = await ann.post(`/tasks/${id}/share`, { username: 'bob', user_id: bob.id });
    expect([two.status, two.body.error.details[0].code]).toEqual([422, 'conflicts_with']);
    const none = await ann.post(`/tasks/${id}/share`, {});
    expect([none.status, none.body.error.details[0].code]).toEqual([422, 'required']);
  });

  test('is refused where there is nothing to share or nobody to share with', async () => {
    const id = await aSharedTask();
    const share = async (by: Client, body: object) => {
      const reply = await by.post(`/tasks/${id}/share`, body);
      return [reply.status, code(reply)];
    };
    expect(await share(ann, { username: 'ann' })).toEqual([400, 'CANNOT_SHARE_WITH_SELF']);
    expect(await share(admin, { username: 'ann' })).toEqual([409, 'ALREADY_OWNER']);
    expect(await share(ann, { username: 'bob' })).toEqual([409, 'ALREADY_SHARED']);
    expect(await share(ann, { username: 'nobody' })).toEqual([404, 'USER_NOT_FOUND']);
    expect(await share(bob, { username: 'cid' })).toEqual([403, 'FORBIDDEN']);
    expect(await share(cid, { username: 'nobody' })).toEqual([404, 'TASK_NOT_FOUND']);
  });

  test('VIEW may look, EDIT may edit, and neither may share', async () => {
    const id = await aSharedTask();
    const refused = await bob.patch(`/tasks/${id}`, { title: 'x' });
    expect([refused.status, refused.body.error.details]).toEqual([403, [{ needed: 'edit', have: 'view' }]]);
    const changed = await ann.put(`/tasks/${id}/share/bob`, { permission: 'edit' });
    expect([changed.status, changed.body.permission]).toEqual([200, 'edit']);
    expect((await bob.patch(`/tasks/${id}`, { title: 'By Bob' })).body).toMatchObject({ title: 'By Bob', permission: 'edit' });
    expect(code(await bob.put(`/tasks/${id}/share/bob`, { permission: 'view' }))).toBe('FORBIDDEN');
    expect(code(await ann.put(`/tasks/${id}/share/cid`, { permission: 'view' }))).toBe('SHARE_NOT_FOUND');
  });

  test('its shares are seen whole by the owner, each by its sharee, by no stranger', async () => {
    const id = await aSharedTask();
    await ann.post(`/tasks/${id}/share`, { username: 'cid' });
    const seen = async (client: Client) =>
      (await client.get(`/tasks/${id}/shares`)).body.items.map((share: { user: { username: string } }) => share.user.username);
    expect(await seen(ann)).toEqual(['bob', 'cid']);
    expect(await seen(admin)).toEqual(['bob', 'cid']);
    expect(await seen(cid)).toEqual(['cid']);
    expect((await ann.get(`/tasks/${id}/shares?per_page=1`)).body).toMatchObject({ total: 2, pages: 2, next_cursor: expect.any(String) });
    expect((await service.anonymous.get(`/tasks/${id}/shares`)).status).toBe(401);
  });
});

describe('taking a share away', () => {
  test('counts from the very next request on, with the projector standing still; lists follow', async () => {
    const id = await aSharedTask('edit');
    expect(await listed(bob)).toContain(id);
    const database = new pg.Client({ connectionString: service.connectionString });
    await database.connect();
    try {
      const { rows } = await database.query<{ schema: string }>(
        `select max(schemaname) as schema from pg_tables where tablename = 'access' and schemaname like 'listing%'`,
      );
      await database
        .query(`begin; lock table ${rows[0]!.schema}.checkpoint, ${rows[0]!.schema}.tasks in exclusive mode`)
        .catch(async () => {
          await database.query(`rollback; begin; lock table ${rows[0]!.schema}.tasks in exclusive mode`);
        });
      expect((await ann.delete(`/tasks/${id}/share/bob`)).status).toBe(204);
      expect(code(await bob.patch(`/tasks/${id}`, { title: 'x' }))).toBe('TASK_NOT_FOUND');
      expect(code(await bob.get(`/tasks/${id}`))).toBe('TASK_NOT_FOUND');
    } finally {
      await database.end();
    }
    expect(await listed(bob)).not.toContain(id);
  });

  test('everybody may leave, nobody may make others leave', async () => {
    const id = await aSharedTask();
    await ann.post(`/tasks/${id}/share`, { username: 'cid', permission: 'edit' });
    expect(code(await cid.delete(`/tasks/${id}/share/${bob.id}`))).toBe('FORBIDDEN');
    expect((await bob.delete(`/tasks/${id}/share/bob`)).status).toBe(204);
    expect(code(await bob.get(`/tasks/${id}`))).toBe('TASK_NOT_FOUND');
    expect(code(await ann.delete(`/tasks/${id}/share/bob`))).toBe('SHARE_NOT_FOUND');
    expect(code(await ann.delete(`/tasks/${id}/share/never-heard-of`))).toBe('SHARE_NOT_FOUND');
  });

  test('repeated with its key, answers as the first time', async () => {
    const id = await aSharedTask();
    const key = { 'idempotency-key': 'away' };
    expect((await ann.delete(`/tasks/${id}/share/bob`, undefined, key)).status).toBe(204);
    const again = await ann.delete(`/tasks/${id}/share/bob`, undefined, key);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([204, 'true']);
  });
});

describe('transfer', () => {
  test('makes somebody else the owner, and keeps a share or nothing', async () => {
    const id = await aSharedTask();
    const given = await ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id });
    expect(given.body).toMatchObject({ owner: named(bob), permission: 'edit', share_count: 1 });
    expect(await listed(bob, '&scope=owned')).toContain(id);
    expect(await listed(ann, '&scope=shared')).toContain(id);
    expect((await bob.post(`/tasks/${id}/transfer`, { new_owner_id: cid.id, keep: null })).status).toBe(200);
    expect(code(await bob.get(`/tasks/${id}`))).toBe('TASK_NOT_FOUND');
    expect(code(await ann.post(`/tasks/${id}/transfer`, { new_owner_id: ann.id }))).toBe('FORBIDDEN');
    const unknown = await cid.post(`/tasks/${id}/transfer`, { new_owner_id: '00000000-0000-4000-8000-000000000000' });
    expect([unknown.status, code(unknown)]).toEqual([404, 'USER_NOT_FOUND']);
  });
});

test('all of it is in the timeline', async () => {
  const id = await aSharedTask();
  await ann.put(`/tasks/${id}/share/bob`, { permission: 'edit' });
  await ann.delete(`/tasks/${id}/share/bob`);
  await ann.post(`/tasks/${id}/transfer`, { new_owner_id: cid.id, keep: 'view' });
  const { items } = (await cid.get(`/activity/tasks/${id}`)).body;
  expect(items.map(({ action }: { action: string }) => action)).toEqual(['created', 'shared', 'share_changed', 'unshared', 'transferred']);
  expect(items[1].details).toMatchObject({ user_id: bob.id, username: 'bob', permission: 'view' });
});
