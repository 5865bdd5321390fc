import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import { hideUsernames, usernameDigest } from '../../src/events/task/mentions.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { type Client, createClient, keys, startTestService, type TestService } from '../support/service.ts';
import { startWeakened } from '../support/weakened.ts';
import { everyTable, found, linesOf, rebuilt } from './everything-kept.ts';

jest.setTimeout(60_000);

const password = 'Passw0rd-of-mine';
let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service?.stop());

let names = 0;

async function register(url: string, username: string): Promise<Client> {
  const { body } = await createClient(url).post('/auth/register', { email: `user-${++names}@tasks.test`, username, password });
  return { ...createClient(url, body.access_token), id: body.user.id, username };
}

/** A task on which its owner mentions a user by the username before a rename and by the one after it. */
async function mentioned(url: string) {
  const canary = `c4nary-${++names}`;
  const [former, latest] = [`${canary}-former`, `${canary}-latest`];
  const [owner, user] = [await register(url, `owner-${names}`), await register(url, former)];
  const task = (await owner.post('/tasks', { title: 'Shared' })).body;
  await owner.post(`/tasks/${task.id}/share`, { user_id: user.id });
  const comment = async (content: string): Promise<string> => (await owner.post(`/tasks/${task.id}/comments`, { content })).body.id;
  const path = (id: string) => `/tasks/${task.id}/comments/${id}`;
  const early = await comment(`hello @${former} there`);
  expect((await user.patch('/auth/me', { username: latest })).status).toBe(200);
  const edited = await comment(`(@${latest.toUpperCase()}). And @stranger, me@${owner.username}`);
  await owner.patch(path(edited), { content: `@${owner.username} asks @${latest}.` });
  // The preview of this one ends within the name.
  const long = await comment(`${'x'.repeat(85)} @${latest} then`);
  await owner.delete(path(long));
  await owner.post(`${path(long)}/restore`, {});
  const deleted = await comment(`gone: @${latest}`);
  const last = await owner.delete(path(deleted));
  const position = last.headers.get('tasktrail-position')!;
  return { canary, former, latest, owner, user, taskId: task.id as string, ids: { early, edited, long, deleted }, path, position };
}

/** Every response in which the text of a comment may be shown, by what was called. */
async function shown({ owner, taskId, ids, path, canary, position }: Awaited<ReturnType<typeof mentioned>>): Promise<Map<string, string>> {
  const calls = [
    `/tasks/${taskId}/comments`,
    ...Object.values(ids).map((id) => `${path(id)}/history`),
    `/tasks/${taskId}?include=comments,activity`,
    `/activity/tasks/${taskId}`,
    `/activity/tasks/${taskId}/replay`,
    `/activity/diff?task_id=${taskId}&from_revision=0&to_revision=9`,
    '/activity',
    '/activity?format=csv',
    '/events',
    '/auth/me/export',
    `/tasks?search=${canary}`,
    `/tasks?search=${canary}&as_of_position=${position}`,
    '/users?search=c4nary',
  ];
  const replies = await Promise.all(calls.map(async (call) => [call, (await owner.get(call)).text] as const));
  return new Map(replies);
}

test('the name of an erased user, and the one before a rename, is in no response, row or search', async () => {
  const before = await mentioned(service.url);
  const { canary, owner, user, ids, path, taskId, position } = before;
  const bound = { 'idempotency-key': `key-${canary}` };
  const content = `once more @${before.latest}`;
  const repeated = await owner.post(`/tasks/${taskId}/comments`, { content }, bound);
  expect(repeated.body.content).toBe(content);
  const showing = found([canary], await shown(before));
  expect(showing.length).toBeGreaterThan(10);
  for (const search of ['', `&as_of_position=${position}`])
    expect((await owner.get(`/tasks?search=${canary}${search}`)).body.items).toMatchObject([{ id: taskId }]);

  expect((await user.delete('/auth/me', { password })).status).toBe(204);

  const after = await shown(before);
  expect(found([canary], after)).toEqual([]);
  for (const search of ['', `&as_of_position=${position}`]) {
    expect((await owner.get(`/tasks?search=${canary}${search}`)).body.items).toEqual([]);
    expect((await owner.get(`/tasks?search=deleted-user${search}`)).body.items).toMatchObject([{ id: taskId }]);
  }
  const { items } = (await owner.get(`/tasks/${taskId}/comments`)).body;
  expect(items).toMatchObject([
    { id: ids.early, content: 'hello @deleted-user there', mentions: [{ id: user.id, username: 'Deleted user' }] },
    { id: ids.edited, content: `@${owner.username} asks @deleted-user.` },
    { id: ids.long, content: `${'x'.repeat(85)} @deleted-user then` },
    { content: 'once more @deleted-user' },
  ]);
  const history = (await owner.get(`${path(ids.edited)}/history`)).body.items;
  expect(history[0].content).toBe(`(@deleted-user). And @stranger, me@${owner.username}`);
  const again = await owner.post(`/tasks/${taskId}/comments`, { content }, bound);
  expect([again.headers.get('idempotent-replayed'), again.body.content]).toEqual(['true', 'once more @deleted-user']);

  const tables = await everyTable(service.connectionString);
  expect(found([canary], tables).filter((place) => !place.includes('the samples of'))).toEqual([]);
  const admin = await service.admin();
  for (const model of ['activity', 'listing', 'history']) await rebuilt(admin, service.connectionString, model);
  const anew = await everyTable(service.connectionString);
  for (const table of ['activity.activity', 'listing.comments', 'history.comment_versions'])
    expect({ table, rows: linesOf(anew, table, 2) }).toEqual({ table, rows: linesOf(tables, table, 1) });
});

test('only whole names are hidden, in any case and before the punctuation behind them', () => {
  const digests = new Set([usernameDigest('ann'), usernameDigest('ann-lee')]);
  expect(hideUsernames('@ANN, @ann. @ann-lee... (@ann) @annie @ann-leeds x@ann.test @bob', digests)).toBe(
    '@deleted-user, @deleted-user. @deleted-user... (@deleted-user) @annie @ann-leeds x@ann.test @bob',
  );
});

test('a former username of an erased user stays with the user who has it, and is given to no other', async () => {
  const [first, second] = [await register(service.url, 'passed-on'), await register(service.url, 'second-holder')];
  await first.patch('/auth/me', { username: 'first-holder' });
  expect((await second.patch('/auth/me', { username: 'passed-on' })).status).toBe(200);
  expect((await first.delete('/auth/me', { password })).status).toBe(204);
  expect((await second.patch('/auth/me', { full_name: 'Second', timezone: 'Europe/Berlin' })).status).toBe(200);
  expect((await second.patch('/auth/me', { username: 'second-again' })).status).toBe(200);
  for (const username of ['passed-on', 'first-holder'])
    expect((await second.patch('/auth/me', { username })).body.error).toMatchObject({ code: 'USERNAME_TAKEN' });
});

test('a user erased before usernames were kept by user is recognized by the names that were retired', async () => {
  const { user, latest } = await mentioned(service.url);
  const pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  const { erasedNames, letGo } = createKeyVault(pool, keys.MASTER_KEY!);
  expect(await erasedNames.digestsOf([user.id])).toEqual(new Map());
  expect((await user.delete('/auth/me', { password })).status).toBe(204);
  await pool.query('delete from accounts.held_usernames where user_id = $1', [user.id]);
  await letGo(user.id);
  expect((await erasedNames.digestsOf([user.id])).get(user.id)).toContain(usernameDigest(latest));
  await pool.end();
});

test('without each of the defences, the name is shown', async () => {
  const database = await createTestDatabase();
  const weakened = await startWeakened({ sameStores: { DATABASE_URL: database.connectionString } });
  const shownWithout = async (...names: string[]) => {
    await weakened.without(...names);
    const before = await mentioned(weakened.url);
    await shown(before);
    expect((await before.user.delete('/auth/me', { password })).status).toBe(204);
    return found([before.canary], await shown(before)).join('\n');
  };
  try {
    expect(await shownWithout('events are read without the names of erased users')).toContain('/history');
    expect(await shownWithout('names are looked up again when an account changes')).toContain('/history');
    expect(await shownWithout('rows lose the names of erased users')).toContain('/comments');
    expect(await shownWithout()).toBe('');
  } finally {
    await weakened.stop();
    await database.drop();
  }
});
