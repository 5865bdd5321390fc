import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, type Reply, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let ann: Client;
let bob: Client;
let cid: Client;
let task: string;

beforeAll(async () => {
  service = await startTestService();
  [ann, bob, cid] = await Promise.all([service.someone('ann'), service.someone('bob'), service.someone('cid')]);
  task = await aTask();
});
afterAll(() => service?.stop());

const aTask = async (): Promise<string> => {
  const id = (await ann.post('/tasks', { title: 'Water the plants' })).body.id;
  await ann.post(`/tasks/${id}/share`, { username: 'bob' });
  return id;
};
const say = (by: Client, content: string, headers?: Record<string, string>) => by.post(`/tasks/${task}/comments`, { content }, headers);
const one = (id: string) => `/tasks/${task}/comments/${id}`;
const code = (reply: Reply) => reply.body.error.code;
const texts = async (by: Client, on = task) =>
  (await by.get(`/tasks/${on}/comments?per_page=100`)).body.items.map(({ content }: { content: string }) => content);

describe('a comment', () => {
  test('is answered whole, listed, counted and moves the task', async () => {
    const before = (await ann.get(`/tasks/${task}`)).body;
    const reply = await say(bob, 'They look dry');
    expect(reply.status).toBe(201);
    expect(reply.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      task_id: task,
      author: { id: bob.id, username: 'bob', full_name: 'bob Example' },
      content: 'They look dry',
      mentions: [],
      created_at: expect.stringMatching(/Z$/),
      updated_at: null,
      edited: false,
      erased: false,
    });
    expect(reply.headers.get('tasktrail-revision')).toBe(String(before.revision + 1));
    expect((await ann.get(`/tasks/${task}/comments`)).body.items.at(-1)).toEqual(reply.body);
    expect((await ann.get(`/tasks/${task}`)).body.comment_count).toBe(before.comment_count + 1);
  });

  test('mentions by name who has access: with punctuation behind it, once, and not within an address', async () => {
    const reply = await say(ann, 'Ask @BOB, or @ann. Not @cid, @nobody or me@bob.test; @bob!');
    expect(reply.body.mentions).toEqual([
      { id: bob.id, username: 'bob' },
      { id: ann.id, username: 'ann' },
    ]);
    expect((await bob.get(`/tasks/${task}/comments?per_page=100`)).body.items.at(-1)).toEqual(reply.body);
  });

  test('repeated with its key is made once', async () => {
    const first = await say(bob, 'Once', { 'idempotency-key': 'once' });
    const again = await say(bob, 'Once', { 'idempotency-key': 'once' });
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([201, 'true']);
    expect(again.body).toEqual(first.body);
    expect((await texts(bob)).filter((content: string) => content === 'Once')).toHaveLength(1);
  });

  test('has 1 to 5000 characters and is for those who see the task', async () => {
    for (const content of ['', 'x'.repeat(5001), 'NUL \0', 'half \ud800']) expect((await say(ann, content)).status).toBe(422);
    expect((await say(ann, 'x'.repeat(5000))).status).toBe(201);
    expect(code(await say(cid, 'Hello'))).toBe('TASK_NOT_FOUND');
    expect(code(await cid.get(`/tasks/${task}/comments`))).toBe('TASK_NOT_FOUND');
  });

  test('is found by the search of a list, by what it says now', async () => {
    const { id } = (await say(bob, 'The monstera is thirsty')).body;
    const found = async (word: string) => (await bob.get(`/tasks?search=${word}`)).body.total;
    expect(await found('monstera')).toBe(1);
    await bob.patch(one(id), { content: 'The ficus is thirsty' });
    expect([await found('monstera'), await found('ficus')]).toEqual([0, 1]);
    await bob.delete(one(id));
    expect(await found('ficus')).toBe(0);
  });
});

describe('editing a comment', () => {
  test('keeps its history', async () => {
    const { id, created_at } = (await say(bob, 'First')).body;
    const edited = await bob.patch(one(id), { content: 'Second, @ann' });
    expect([edited.status, edited.body]).toEqual([
      200,
      expect.objectContaining({
        content: 'Second, @ann',
        created_at,
        edited: true,
        updated_at: expect.any(String),
        mentions: [{ id: ann.id, username: 'ann' }],
      }),
    ]);
    const same = await bob.patch(one(id), { content: 'Second, @ann' });
    expect([same.status, same.headers.get('etag'), same.body]).toEqual([200, edited.headers.get('etag'), edited.body]);
    const history = (await ann.get(`${one(id)}/history`)).body;
    expect(history.items.map(({ content }: { content: string }) => content)).toEqual(['First', 'Second, @ann']);
    expect(history.items[0].at).toBe(created_at);
  });

  test('is for its author only, and for what is there', async () => {
    const { id } = (await say(bob, 'Mine')).body;
    expect(code(await ann.patch(one(id), { content: 'No' }))).toBe('FORBIDDEN');
    expect(code(await cid.patch(one(id), { content: 'No' }))).toBe('TASK_NOT_FOUND');
    expect(code(await bob.patch(one('no-id'), { content: 'No' }))).toBe('COMMENT_NOT_FOUND');
    expect(code(await bob.get(`${one('00000000-0000-4000-8000-000000000000')}/history`))).toBe('COMMENT_NOT_FOUND');
  });
});

test('a deleted comment is gone until whoever deleted it, or the owner, brings it back', async () => {
  const { id, ...whole } = (await say(bob, 'Delete me')).body;
  expect((await ann.delete(one(id))).status).toBe(204);
  expect(await texts(bob)).not.toContain('Delete me');
  expect(code(await bob.delete(one(id)))).toBe('COMMENT_NOT_FOUND');
  expect(code(await bob.post(`${one(id)}/restore`))).toBe('COMMENT_NOT_FOUND');
  expect(code(await bob.get(`${one(id)}/history`))).toBe('COMMENT_NOT_FOUND');
  expect((await ann.get(`${one(id)}/history`)).body.total).toBe(1);
  const back = await ann.post(`${one(id)}/restore`);
  expect([back.status, back.body]).toEqual([200, { id, ...whole }]);
  expect(await texts(bob)).toContain('Delete me');
  expect((await ann.post(`${one(id)}/restore`)).headers.get('etag')).toBe(back.headers.get('etag'));
});

test('a restored task has its comments again', async () => {
  const other = await aTask();
  await ann.post(`/tasks/${other}/comments`, { content: 'Stays' });
  await ann.delete(`/tasks/${other}`);
  expect(code(await ann.get(`/tasks/${other}/comments`))).toBe('TASK_NOT_FOUND');
  await ann.post(`/tasks/${other}/restore`);
  expect(await texts(bob, other)).toEqual(['Stays']);
});
