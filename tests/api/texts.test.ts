import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { upload } from '../support/uploads.ts';

let service: TestService;
let ann: Client;
beforeAll(async () => {
  service = await startTestService();
  ann = await service.someone('ann');
});
afterAll(() => service?.stop());

const aTask = async (): Promise<string> => (await ann.post('/tasks', { title: 'x' })).body.id;

describe('text that shows nothing is empty', () => {
  test.each(['   ', '\u200b', '\u2060\ufeff', '\u3164', '\u00a0\n\t', '\u2800'])('%j', async (text) => {
    const taskId = await aTask();
    const answers = [
      ['title', await ann.post('/tasks', { title: text })],
      ['title', await ann.patch(`/tasks/${taskId}`, { title: text })],
      ['tags.0', await ann.post('/tasks', { title: 'x', tags: [text] })],
      ['content', await ann.post(`/tasks/${taskId}/comments`, { content: text })],
      ['comment', await ann.post(`/tasks/${taskId}/transition`, { target_status: 'in_progress', comment: text })],
      ['name', await ann.post('/auth/tokens', { name: text, scopes: ['tasks:read'] })],
    ] as const;
    for (const [path, { status, body }] of answers)
      expect([path, status, body.error?.details[0]]).toEqual([path, 422, expect.objectContaining({ path, code: 'too_short' })]);
  });

  test.each(['a', '🎉', '\u200ba', '‮x', 'ا'])('and %j is not', async (text) => {
    expect((await ann.post('/tasks', { title: text })).status).toBe(201);
    expect((await ann.post(`/tasks/${await aTask()}/comments`, { content: text })).status).toBe(201);
  });
});

describe('a length is counted in code points', () => {
  test.each(['a', '漢', '🎉'])('of texts of %s at their limit and one above', async (unit) => {
    const taskId = await aTask();
    const tag = unit.repeat(50);
    expect((await ann.patch(`/tasks/${taskId}`, { title: unit.repeat(255), tags: [tag] })).status).toBe(200);
    expect((await ann.patch(`/tasks/${taskId}`, { title: unit.repeat(256) })).status).toBe(422);
    expect((await ann.patch(`/tasks/${taskId}`, { tags: [tag + unit] })).status).toBe(422);
    for (const filter of ['tags', 'tags_any']) {
      expect((await ann.get(`/tasks?${filter}=${encodeURIComponent(tag)}`)).body.items.map(({ id }: { id: string }) => id)).toEqual([
        taskId,
      ]);
      expect((await ann.get(`/tasks?${filter}=${encodeURIComponent(tag + unit)}`)).status).toBe(422);
    }
    expect((await ann.delete(`/tasks/${taskId}/tags/${encodeURIComponent(tag)}`)).status).toBe(200);
    const name = `${unit.repeat(251)}.txt`;
    const kept = await upload(service.url, ann, taskId, { name, content: 'Hello' });
    expect([kept.status, kept.body.name]).toEqual([201, name]);
    expect((await upload(service.url, ann, taskId, { name: unit + name, content: 'Hello' })).status).toBe(422);
  });
});

test('a time may have its letters in lower case', async () => {
  const taskId = await aTask();
  expect((await ann.get('/tasks?created_after=2020-01-31t16:35:30z')).body.items.length).toBeGreaterThan(0);
  expect((await ann.get(`/tasks/${taskId}?as_of=2020-01-31t16:35:30.5%2B02:00`)).status).toBe(404);
  const token = await ann.post('/auth/tokens', { name: 'x', scopes: ['tasks:read'], expires_at: '2999-01-31t12:00:00z' });
  expect([token.status, token.body.expires_at]).toEqual([201, '2999-01-31T12:00:00.000Z']);
  const wrong = await ann.post('/auth/tokens', { name: 'x', scopes: ['tasks:read'], expires_at: 'soon' });
  expect(wrong.body.error.details).toEqual([
    { path: 'expires_at', code: 'format', message: 'must be a time with an offset, as in 2026-01-31T12:00:00Z' },
  ]);
});
