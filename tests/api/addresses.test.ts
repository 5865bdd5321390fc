import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config.ts';
import { impossible, possible } from '../accounts/addresses.ts';
import { type Client, type Reply, startTestService, type TestService } from '../support/service.ts';

const password = 'Passw0rd-of-mine';
let service: TestService;
let admin: Client;
let names = 0;
beforeAll(async () => {
  service = await startTestService();
  admin = await service.admin();
});
afterAll(() => service?.stop());

const issues = ({ body }: Reply) => body.error?.details.map(({ path, code }: { path: string; code: string }) => [path, code]);
const unique = (address: string) => (address.startsWith('x@') ? `x${++names}${address.slice(1)}` : address);

describe('an e-mail address', () => {
  const places: Record<string, [path: string, send: (email: string) => Promise<Reply>]> = {
    registration: ['email', (email) => service.anonymous.post('/auth/register', { email, password })],
    'an account made by an admin': ['email', (email) => admin.post('/admin/users', { email, password })],
    'a change': [
      'new_email',
      async (email) => (await service.someone(`name${++names}`)).post('/auth/me/email', { new_email: email, password }),
    ],
    'a reset': ['email', (email) => service.anonymous.post('/auth/password-reset', { email })],
  };

  test.each(Object.keys(places))('that cannot exist is refused at %s', async (place) => {
    const [path, send] = places[place]!;
    for (const address of impossible) {
      const reply = await send(address);
      expect([address, reply.status, issues(reply)?.[0]?.[0]]).toEqual([address, 422, path]);
    }
  });

  test('that can exist is stored in ASCII, and found in either form', async () => {
    for (const [address, stored] of possible) {
      const email = unique(address);
      const reply = await service.anonymous.post('/auth/register', { email, password });
      expect([address, reply.status, reply.body.user?.email]).toEqual([
        address,
        201,
        stored.startsWith('x@') ? `x${names}${stored.slice(1)}` : stored,
      ]);
    }
    const email = `y${++names}@münchen.example`;
    const { user } = (await service.anonymous.post('/auth/register', { email, password })).body;
    expect((await service.anonymous.post('/auth/login', { email, password })).status).toBe(200);
    expect((await service.anonymous.post('/auth/login', { email: user.email, password })).status).toBe(200);
    expect(issues(await service.anonymous.post('/auth/register', { email, password }))).toEqual([['email', undefined]]);
    const ann = await service.someone(`name${++names}`);
    await service.verifyAddress(user);
    const { id } = (await ann.post('/tasks', { title: 'Shared' })).body;
    expect((await ann.post(`/tasks/${id}/share`, { email })).status).toBe(201);
  });

  test('of the first admin follows the same rules', () => {
    for (const ADMIN_EMAIL of impossible) expect(() => loadConfig({ ADMIN_EMAIL })).toThrow('ADMIN_EMAIL must');
    expect(loadConfig({ ADMIN_EMAIL: 'x@münchen.example' }).admin.email).toBe('x@xn--mnchen-3ya.example');
  });
});

describe('a reserved username', () => {
  const reserved = ['support', 'security', 'administrator', 'everyone', 'system'];

  test('is given to users by admins alone, and system to none', async () => {
    for (const username of reserved) {
      const own = await service.anonymous.post('/auth/register', { email: `r${++names}@tasks.test`, username, password });
      expect([username, own.status, issues(own)]).toEqual([username, 422, [['username', 'format']]]);
      const given = await admin.post('/admin/users', { email: `r${++names}@tasks.test`, username, password });
      expect([username, given.status]).toEqual([username, username === 'system' ? 422 : 201]);
    }
  });

  test('is passed over where an address suggests it', async () => {
    const { user } = (await service.anonymous.post('/auth/register', { email: 'everyone@tasks.test', password })).body;
    expect(user.username).toMatch(/^everyone\d+$/);
  });
});
