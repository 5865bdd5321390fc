import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../accounts/support.ts';
import { everyFile, everyTable, found, linesOf, rebuilt } from '../erasure/everything-kept.ts';
import { adminAccount, type Client, createClient, startTestService, type TestService } from '../support/service.ts';

jest.setTimeout(60_000);

const password = 'Passw0rd-of-mine';
let directory: string;
let service: TestService;
let admin: Client;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-erasure-'));
  service = await startTestService({ DATA_DIR: directory });
  admin = await service.admin();
});
afterAll(async () => {
  await service?.stop();
  await rm(directory, { recursive: true, force: true });
});

const made = async (by: Client, task: object) => (await by.post('/tasks', task)).body;
const erase = (person: Client, body: object = {}) => person.delete('/auth/me', { password, ...body });
const refusalOf = ({ status, body }: { status: number; body: { error?: { code: string } } }) => `${status} ${body?.error?.code}`;

describe('an erasure', () => {
  test('leaves none of the personal text anywhere, also when the read models are made anew, and everything else in its place', async () => {
    const word = (name: string) => `c4nary-${name}`;
    const ann = await register({
      email: `${word('mail')}@tasks.test`,
      username: word('name'),
      full_name: word('full-name'),
      agent: word('agent'),
    });
    const bob = await service.someone('bob');
    await ann.patch('/auth/me', { full_name: word('other-name') });
    await ann.post('/auth/tokens', { name: word('token'), scopes: ['tasks:read'] });
    const own = await made(ann, {
      title: word('title'),
      description: word('description'),
      tags: [word('tag'), word('tag-removed')],
      assignee_id: bob.id,
    });
    await ann.patch(`/tasks/${own.id}`, {
      title: word('new-title'),
      description: word('new-description'),
      tags: [word('tag'), word('new-tag')],
    });
    await ann.post(
      `/tasks/${own.id}/transition`,
      { target_status: 'done', comment: word('transition') },
      { 'idempotency-key': word('key') },
    );
    await upload(ann, own.id, `${word('file')}.txt`, `${word('content')} and more`);
    await ann.post(`/tasks/${own.id}/comments`, { content: word('own-comment') });
    const binned = await made(ann, { title: word('binned'), tags: [word('binned-tag')] });
    await ann.delete(`/tasks/${binned.id}`);
    const theirs = await made(bob, { title: 'What bob does' });
    await bob.post(`/tasks/${theirs.id}/share`, { user_id: ann.id, permission: 'edit' });
    await bob.patch(`/tasks/${theirs.id}`, { assignee_id: ann.id });
    const comment = (await ann.post(`/tasks/${theirs.id}/comments`, { content: word('comment') })).body;
    await ann.patch(`/tasks/${theirs.id}/comments/${comment.id}`, { content: word('edited') });
    const saidLast = await ann.post(`/tasks/${theirs.id}/comments`, { content: word('removed') });
    const [removed, then] = [saidLast.body, saidLast.headers.get('tasktrail-position')];
    await bob.delete(`/tasks/${theirs.id}/comments/${removed.id}`);
    const before = await timeline(bob, theirs.id);
    expect((await bob.get('/tags')).body.items.map(({ tag }: { tag: string }) => tag)).toEqual([word('new-tag'), word('tag')]);
    expect((await admin.get(`/tasks?scope=everyone&search=${word('tag')}`)).body.items).toMatchObject([{ id: own.id }]);
    await admin.get('/admin/security-events');

    await query('analyze');
    const words = ['mail', 'name', 'full-name', 'other-name', 'agent', 'token', 'title', 'description', 'new-title', 'new-description'];
    const more = [
      'transition',
      'file',
      'content',
      'own-comment',
      'binned',
      'comment',
      'edited',
      'removed',
      'tag',
      'tag-removed',
      'new-tag',
      'binned-tag',
    ];
    const all = [...words, ...more].map(word);
    const kept = found(all, await everyTable(service.connectionString), await everyFile(directory)).join('\n');
    // The full name was changed, and no longer kept, before.
    expect(all.filter((one) => !kept.includes(one))).toEqual([word('full-name')]);
    expect(kept).toContain('in the samples of');

    expect(refusalOf(await erase(ann))).toBe('204 undefined');

    // Nothing is waited for: whoever hears of it finds it done.
    const comments = (await bob.get(`/tasks/${theirs.id}/comments`)).body;
    const nobody = { id: ann.id, username: null, full_name: 'Deleted user' };
    expect(comments.items).toEqual([
      expect.objectContaining({ id: comment.id, author: nobody, content: null, erased: true, edited: true }),
    ]);
    expect((await bob.get(`/tasks/${theirs.id}/comments/${comment.id}/history`)).body.items).toMatchObject([
      { content: null },
      { content: null },
    ]);
    expect((await bob.get(`/tasks/${theirs.id}`)).body).toMatchObject({
      title: 'What bob does',
      comment_count: 1,
      assignee: null,
      share_count: 0,
    });
    const after = await timeline(bob, theirs.id);
    expect(after.slice(0, before.length).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(after.slice(before.length).map(({ action }) => action)).toEqual(['unshared', 'unassigned']);
    expect(after.find(({ resource_id }) => resource_id === comment.id)).toMatchObject({
      actor: { id: ann.id, username: 'Deleted user' },
      details: { content_preview: null },
    });
    expect((await admin.get(`/tasks/${own.id}`)).status).toBe(404);
    expect(refusalOf(await admin.post(`/tasks/${own.id}/restore`, {}))).toBe('404 TASK_NOT_FOUND');
    expect((await timeline(admin, own.id))[0]).toMatchObject({ action: 'created', details: { title: null, status: 'todo' } });

    expect((await bob.get('/tags')).body.items).toEqual([]);
    for (const search of [word('tag'), word('binned-tag')])
      expect((await admin.get(`/tasks?scope=everyone&as_of_position=${then}&search=${search}`)).body.items).toEqual([]);
    for (const id of [own.id, binned.id, theirs.id]) {
      expect((await admin.get(`/activity/tasks/${id}/verify`)).body).toMatchObject({ valid: true, first_bad_revision: null });
    }

    const rest = async () => found(['c4nary'], await everyTable(service.connectionString), await everyFile(directory));
    expect((await rest()).filter((place) => !place.includes('the samples of'))).toEqual([]);
    await eventually(rest, (places) => places.length === 0);
    expect(service.log.join('\n')).not.toContain('c4nary');
    expect(await service.storedText()).not.toContain('c4nary');

    const shown = await everyTable(service.connectionString);
    await rebuilt(admin, service.connectionString, 'activity');
    await rebuilt(admin, service.connectionString, 'listing');
    await rebuilt(admin, service.connectionString, 'history');
    const anew = await everyTable(service.connectionString);
    for (const table of [
      'activity.activity',
      'listing.tasks',
      'listing.comments',
      'listing.files',
      'listing.counters',
      'history.versions',
      'history.comment_versions',
    ]) {
      expect({ table, rows: linesOf(anew, table, 2) }).toEqual({ table, rows: linesOf(shown, table, 1) });
    }
    expect(await rest()).toEqual([]);
  });

  test('gives the tasks to whom they are to go, with their text, and to nobody what was deleted', async () => {
    const [cleo, dan] = [await service.someone('cleo'), await service.someone('dan')];
    const task = await made(cleo, { title: 'Goes on', description: 'with dan', assignee_id: cleo.id });
    await cleo.post(`/tasks/${task.id}/share`, { user_id: dan.id });
    const binned = await made(cleo, { title: 'Goes' });
    await cleo.delete(`/tasks/${binned.id}`);
    const reply = await cleo.post('/auth/me/erase', { password, transfer_to: dan.id });
    expect(reply.status).toBe(204);
    expect((await dan.get('/tasks?scope=owned')).body.items).toEqual([
      expect.objectContaining({
        id: task.id,
        title: 'Goes on',
        description: 'with dan',
        permission: 'owner',
        assignee: null,
        share_count: 0,
      }),
    ]);
    const events = await timeline(dan, task.id);
    expect(
      events.slice(-3).map(({ action, operation_id }) => `${action} ${operation_id === reply.headers.get('tasktrail-operation')}`),
    ).toEqual(['unshared true', 'transferred true', 'unassigned true']);
    expect((await dan.get('/tasks?deleted=true')).body.items).toEqual([]);
    expect((await dan.patch(`/tasks/${task.id}`, { title: 'Goes on and on' })).status).toBe(200);
  });

  test('ends what the person was: sessions, tokens, sign-in; the e-mail address is free, the username never again', async () => {
    const eve = await service.someone('eve');
    const { refresh_token } = (await service.anonymous.post('/auth/login', { username: 'eve', password })).body;
    const token = (await eve.post('/auth/tokens', { name: 'mine', scopes: ['tasks:write'] })).body;
    expect((await erase(eve)).status).toBe(204);
    expect(refusalOf(await eve.get('/auth/me'))).toBe('401 SESSION_ENDED');
    expect(refusalOf(await createClient(service.url, token.token).get('/tasks'))).toBe('401 SESSION_ENDED');
    expect(refusalOf(await service.anonymous.post('/auth/refresh', { refresh_token }))).toBe('401 TOKEN_INVALID');
    expect(refusalOf(await service.anonymous.post('/auth/login', { username: 'eve', password }))).toBe('401 INVALID_CREDENTIALS');
    const again = { email: 'eve@tasks.test', password };
    expect(refusalOf(await service.anonymous.post('/auth/register', { ...again, username: 'eve' }))).toBe('409 USERNAME_TAKEN');
    expect((await service.anonymous.post('/auth/register', again)).body.user).toMatchObject({ username: 'eve1' });
    expect(refusalOf(await admin.get(`/admin/users/${eve.id}`))).toBe('404 USER_NOT_FOUND');
    expect(refusalOf(await admin.delete(`/admin/users/${eve.id}`))).toBe('404 USER_NOT_FOUND');
    const { items } = (await admin.get(`/activity?actor=${eve.id}`)).body;
    expect(items[0]).toMatchObject({ action: 'erased', resource_type: 'user', resource_id: eve.id });
  });

  test('is refused with a wrong password, for nobody to give the tasks to, and for the last admin; then nothing happens', async () => {
    const fay = await service.someone('fay');
    expect(refusalOf(await erase(fay, { password: 'Another-Passw0rd' }))).toBe('403 PASSWORD_INCORRECT');
    const gone = await service.someone('gone');
    await admin.patch(`/admin/users/${gone.id}`, { is_active: false });
    for (const nobody of [fay.id, gone.id, '00000000-0000-4000-8000-000000000001']) {
      expect(refusalOf(await erase(fay, { transfer_to: nobody }))).toBe('404 USER_NOT_FOUND');
    }
    expect(refusalOf(await erase(fay, { transfer_to: 'fay' }))).toBe('422 VALIDATION_FAILED');
    expect(refusalOf(await fay.delete('/auth/me'))).toBe('422 VALIDATION_FAILED');
    expect(refusalOf(await erase(admin, { password: adminAccount.password }))).toBe('409 LAST_ADMIN');
    expect(refusalOf(await admin.delete(`/admin/users/${admin.id}`))).toBe('409 LAST_ADMIN');
    expect((await fay.get('/auth/me')).body).toMatchObject({ username: 'fay' });
    expect((await admin.delete(`/admin/users/${gone.id}`, { transfer_to: fay.id })).status).toBe(204);
  });

  test('of somebody whom tasks were given to passes them on', async () => {
    const [gil, hal, ida] = [await service.someone('gil'), await service.someone('hal'), await service.someone('ida')];
    await made(gil, { title: 'Passed on' });
    expect((await erase(gil, { transfer_to: hal.id })).status).toBe(204);
    expect((await erase(hal, { transfer_to: ida.id })).status).toBe(204);
    expect((await ida.get('/tasks')).body.items).toMatchObject([{ title: 'Passed on', owner: { username: 'ida' } }]);
  });
});

test('an export is all that is held about the caller, and nothing of others', async () => {
  const [jan, kim] = [await service.someone('jan'), await service.someone('kim')];
  const own = await made(jan, { title: 'Of jan' });
  await jan.post(`/tasks/${own.id}/share`, { user_id: kim.id });
  const other = await made(kim, { title: 'Of kim' });
  await kim.post(`/tasks/${other.id}/share`, { user_id: jan.id, permission: 'edit' });
  const comment = (await jan.post(`/tasks/${other.id}/comments`, { content: 'As it was' })).body;
  await jan.patch(`/tasks/${other.id}/comments/${comment.id}`, { content: 'As it is' });
  await kim.post(`/tasks/${other.id}/comments`, { content: 'Said by kim' });
  await upload(jan, other.id, 'of-jan.txt', 'of jan');
  const { token } = (await jan.post('/auth/tokens', { name: 'of jan', scopes: ['tasks:read'] })).body;
  const reply = await jan.get('/auth/me/export');
  expect(reply.headers.get('content-disposition')).toBe('attachment; filename="tasktrail-export.json"');
  expect(reply.headers.get('content-type')).toContain('application/json');
  expect(reply.body).toMatchObject({
    user: { id: jan.id, email: 'jan@tasks.test', username: 'jan', full_name: 'jan Example' },
    sessions: [{ user_agent: expect.any(String), ip: expect.stringContaining('127.0.0.1'), ended_at: null }],
    tokens: [{ name: 'of jan', scopes: ['tasks:read'] }],
    tasks: [{ id: own.id, title: 'Of jan' }],
    shares: [
      { task_id: own.id, owner_id: jan.id, user_id: kim.id, permission: 'view' },
      { task_id: other.id, owner_id: kim.id, user_id: jan.id, permission: 'edit' },
    ],
    comments: [{ content: 'As it is', earlier: ['As it was'] }],
    files: [{ name: 'of-jan.txt', size: 6 }],
  });
  expect(reply.body.activity.map(({ action }: { action: string }) => action)).toEqual(
    expect.arrayContaining(['created', 'shared', 'uploaded', 'updated', 'token_created']),
  );
  for (const secret of [token, 'Said by kim', 'Of kim', 'password']) expect(reply.text).not.toContain(secret);
  expect(refusalOf(await createClient(service.url, token).get('/auth/me/export'))).toBe('403 SESSION_REQUIRED');
});

async function register({ agent, ...account }: Record<string, string>): Promise<Client> {
  const reply = await service.anonymous.post('/auth/register', { ...account, password }, { 'user-agent': agent! });
  expect(reply.status).toBe(201);
  return { ...createClient(service.url, reply.body.access_token), id: reply.body.user.id, username: reply.body.user.username };
}

async function upload(by: Client, taskId: string, name: string, content: string): Promise<void> {
  const form = new FormData();
  form.append('file', new Blob([content], { type: 'text/plain' }), name);
  const headers = { authorization: `Bearer ${by.token}` };
  const reply = await fetch(`${service.url}/api/v1/tasks/${taskId}/files`, { method: 'POST', body: form, headers });
  expect(reply.status).toBe(201);
}

// biome-ignore lint/suspicious/noExplicitAny: looked into freely
async function timeline(by: Client, taskId: string): Promise<any[]> {
  return (await by.get(`/activity/tasks/${taskId}?per_page=100`)).body.items;
}

async function query(text: string): Promise<void> {
  const client = new pg.Client({ connectionString: service.connectionString });
  await client.connect();
  await client.query(text).finally(() => client.end());
}
