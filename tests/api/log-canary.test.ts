import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service?.stop());

/** Everything secret or personal that is sent to the service carries this word; what the service makes up itself is collected. */
const CANARY = 'c4nary';
const password = `${CANARY}-Passw0rd`;

test('a run over every route leaves one line of log a request, and nothing of what was said or given', async () => {
  const ids: string[] = [];
  const secrets: string[] = [];
  const call = async (method: string, path: string, body?: unknown, token?: string) => {
    const id = randomUUID();
    ids.push(id);
    const reply = await service.anonymous.send(method, path, {
      headers: {
        'X-Request-ID': id,
        'User-Agent': `${CANARY}-agent`,
        Cookie: `${CANARY}-cookie`,
        'Idempotency-Key': `${CANARY}-${id}`,
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    for (const name of ['access_token', 'refresh_token', 'token', 'secret']) if (reply.body?.[name]) secrets.push(reply.body[name]);
    return reply;
  };
  const api = (method: string, path: string, body?: unknown, token?: string) => call(method, `/api/v1${path}`, body, token);

  const email = `${CANARY}@tasks.test`;
  const ann = (await api('POST', '/auth/register', { email, username: `${CANARY}-ann`, password, full_name: `${CANARY} Ann` })).body;
  await api('POST', '/auth/register', { email, password });
  await api('POST', '/auth/login', { email, password: `${password}-wrong` });
  await api('POST', '/auth/login', { email, password: { [CANARY]: 1 } });
  await api('POST', '/auth/refresh', { refresh_token: `${CANARY}-refresh` });
  const again = (await api('POST', '/auth/login', { email, password })).body;
  await api('POST', '/auth/refresh', { refresh_token: again.refresh_token });
  await api('POST', '/auth/refresh', { refresh_token: again.refresh_token });
  expect(ann).toMatchObject({ token_type: 'bearer' });
  const token = ann.access_token;
  const task = (await api('POST', '/tasks', { title: CANARY, description: CANARY, tags: [CANARY] }, token)).body;
  expect(task).toMatchObject({ title: CANARY });
  await api('PATCH', `/tasks/${task.id}`, { title: `${CANARY} again` }, token);
  await api('POST', '/auth/tokens', { name: CANARY, scopes: ['tasks:read'] }, token);

  // Whatever else there is: with a body that is not meant, as nobody, and with a token that is none.
  const documents = (await call('GET', '/openapi.json')).body as { paths: Record<string, Record<string, object>> };
  // What watches the service asks every few seconds: its requests are logged at debug.
  const probes = new Set(service.routes.filter(({ isProbe }) => isProbe).map(({ path }) => path));
  const probing = new Set<string>();
  const skipped = /auth\/(logout|password$|me\/erase)|\/auth\/me$/;
  for (const [pattern, methods] of Object.entries(documents.paths)) {
    if (skipped.test(pattern) || pattern.includes('/async/external')) continue;
    for (const method of Object.keys(methods).filter((name) => /^(get|post|put|patch|delete)$/.test(name))) {
      const path = `${pattern.replace('{task_id}', task.id).replace(/\{\w+\}/g, CANARY)}?${CANARY}=${CANARY}`;
      const before = ids.length;
      const body = method === 'get' || method === 'delete' ? undefined : { [CANARY]: CANARY, title: CANARY };
      await call(method.toUpperCase(), path, body, token);
      await call(method.toUpperCase(), path, body, `${CANARY}.${CANARY}.${CANARY}`);
      if (body) await call(method.toUpperCase(), path, `{"${CANARY}`);
      if (probes.has(pattern)) for (const id of ids.slice(before)) probing.add(id);
    }
  }
  expect(ids.length).toBeGreaterThan(60);
  expect(secrets.length).toBeGreaterThan(5);

  const lines = service.log.map((line) => JSON.parse(line));
  for (const id of ids.filter((one) => !probing.has(one))) {
    const own = lines.filter(({ request_id, message }) => request_id === id && message === 'request');
    expect({ id, lines: own.length }).toEqual({ id, lines: 1 });
    expect(own[0]).toMatchObject({ status_code: expect.any(Number), path: expect.any(String), duration_ms: expect.any(Number) });
  }
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  const log = service.log.join('');
  expect(log).not.toMatch(new RegExp(CANARY, 'i'));
  for (const secret of secrets) expect(log).not.toContain(secret);
});
