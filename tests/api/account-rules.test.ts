import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Client, createClient, type Reply, startTestService, type TestService } from '../support/service.ts';
import { startWeakened } from '../support/weakened.ts';

let service: TestService;
let admin: Client;
let names = 0;

beforeAll(async () => {
  service = await startTestService();
  admin = await service.admin();
});
afterAll(() => service?.stop());

const someone = () => service.someone(`person${++names}`);
const code = ({ status, body }: Reply) => `${status} ${body?.error?.code ?? ''}`.trim();
const query = async (text: string, values: unknown[]) => {
  const client = new pg.Client({ connectionString: service.connectionString });
  await client.connect();
  await client.query(text, values).finally(() => client.end());
};

describe('sharing by e-mail', () => {
  const share = async (by: Client, email: string, url = service.url) => {
    const client = createClient(url, by.token);
    const { id } = (await client.post('/tasks', { title: 'A secret' })).body;
    return client.post(`/tasks/${id}/share`, { email });
  };

  test('finds an address once it is verified, and gives the answer of an unknown one before', async () => {
    const [ann, bob] = [await someone(), await someone()];
    const email = `${bob.username}@tasks.test`;
    const [unverified, unknown] = [await share(ann, email), await share(ann, 'no-one@tasks.test')];
    expect([code(unverified), code(unknown)]).toEqual(['404 USER_NOT_FOUND', '404 USER_NOT_FOUND']);
    expect(unverified.body.error.message).toBe(unknown.body.error.message);
    expect(unverified.body.error.message).toContain('username');
    await service.verifyAddress(bob);
    expect(code(await share(ann, email.toUpperCase()))).toBe('201');
  });

  test('finds the earlier address while a change is pending, and none of an account that is disabled, erased or given by an admin', async () => {
    const ann = await someone();
    const [changing, disabled, erased] = [await someone(), await someone(), await someone()];
    for (const person of [changing, disabled, erased]) await service.verifyAddress(person);
    const asked = await changing.post('/auth/me/email', { new_email: 'later@tasks.test', password: 'Passw0rd-of-mine' });
    expect(asked.status).toBe(202);
    expect(code(await share(ann, 'later@tasks.test'))).toBe('404 USER_NOT_FOUND');
    expect(code(await share(ann, `${changing.username}@tasks.test`))).toBe('201');
    expect((await admin.patch(`/admin/users/${disabled.id}`, { is_active: false })).status).toBe(200);
    expect(code(await share(ann, `${disabled.username}@tasks.test`))).toBe('404 USER_NOT_FOUND');
    expect((await erased.post('/auth/me/erase', { password: 'Passw0rd-of-mine' })).status).toBe(204);
    expect(code(await share(ann, `${erased.username}@tasks.test`))).toBe('404 USER_NOT_FOUND');
    const given = { email: 'given@tasks.test', username: 'given', password: 'Passw0rd-of-mine' };
    expect((await admin.post('/admin/users', given)).status).toBe(201);
    expect(code(await share(ann, given.email))).toBe('404 USER_NOT_FOUND');
  });

  test('reaches an account by an address that was only typed without this: only a verified address finds its account', async () => {
    const weakened = await startWeakened(service, ['only a verified address finds its account']);
    try {
      const [ann, eve] = [await someone(), await someone()];
      expect(code(await share(ann, `${eve.username}@tasks.test`, weakened.url))).toBe('201');
    } finally {
      await weakened.stop();
    }
  }, 30_000);
});

describe('the scope admin of a token', () => {
  const create = (by: Client) => by.post('/auth/tokens', { name: 'all', scopes: ['tasks:read', 'admin'] });
  const everyone = async (token: string, url = service.url) => code(await createClient(url, token).get('/tasks?scope=everyone'));

  async function demotedAndPromoted(url: string): Promise<string> {
    const ann = await someone();
    const role = (to: string) => createClient(url, admin.token).patch(`/admin/users/${ann.id}`, { role: to });
    expect((await role('admin')).status).toBe(200);
    const created = await create(ann);
    expect([created.status, await everyone(created.body.token)]).toEqual([201, '200']);
    expect((await role('user')).status).toBe(200);
    expect((await role('admin')).status).toBe(200);
    return everyone(created.body.token, url);
  }

  test('is granted by admins alone', async () => {
    expect(code(await create(await someone()))).toBe('403 ADMIN_ONLY');
  });

  test('is gone for good once its owner has lost the role', async () => {
    expect(await demotedAndPromoted(service.url)).toBe('403 INSUFFICIENT_SCOPE');
  });

  test('wakes up with a promotion without this: the scope admin ends with the role', async () => {
    const weakened = await startWeakened(service, ['the scope admin ends with the role']);
    try {
      expect(await demotedAndPromoted(weakened.url)).toBe('200');
    } finally {
      await weakened.stop();
    }
  }, 30_000);
});

describe('a password', () => {
  const accepted = [
    'Passw0rd-of-mine',
    'correct horse battery staple',
    'fifteen letters',
    'Ünï 1234',
    `${'a'.repeat(15)}`.replace(/^a/, 'b'),
  ];
  const refused: [password: string, reason: RegExp][] = [
    ['Password1', /most common/],
    ['Qwerty123', /most common/],
    ['Summer2026', /most common/],
    ['Short1', /at least 8/],
    ['lower case 1', /upper-case letter/],
    ['No digits here', /digit/],
    ['a'.repeat(129), /at most 128/],
  ];
  const messages = ({ body }: Reply) => body.error.details.map(({ message }: { message: string }) => message).join();

  /** Each place where a password is chosen, and what it answers. */
  const places: Record<string, (password: string) => Promise<Reply>> = {
    registration: (password) => service.anonymous.post('/auth/register', { email: `p${++names}@tasks.test`, password }),
    'an account made by an admin': (password) => admin.post('/admin/users', { email: `p${++names}@tasks.test`, password }),
    'a change': async (password) =>
      (await someone()).post('/auth/password', { current_password: 'Passw0rd-of-mine', new_password: password }),
    'a reset': (password) => service.anonymous.post('/auth/password-reset/confirm', { token: 'no link', new_password: password }),
  };

  test.each(Object.keys(places))('is held to the same rules at %s', async (place) => {
    for (const password of accepted) {
      const reply = await places[place]!(password);
      expect([password, place === 'a reset' ? code(reply) : reply.status < 300]).toEqual([
        password,
        place === 'a reset' ? '400 LINK_INVALID' : true,
      ]);
    }
    for (const [password, reason] of refused) {
      const reply = await places[place]!(password);
      expect([password, reply.status]).toEqual([password, 422]);
      expect(messages(reply)).toMatch(reason);
    }
  });

  test('that was allowed before goes on working', async () => {
    const ann = await someone();
    const { body } = await service.anonymous.post('/auth/register', {
      email: 'old@tasks.test',
      username: 'old',
      password: 'Passw0rd-of-mine',
    });
    // As an earlier release stored it: the hash of a password that is common.
    await query('update accounts.users set password_hash = (select password_hash from accounts.users where id = $1) where id = $2', [
      ann.id,
      body.user.id,
    ]);
    expect((await service.anonymous.post('/auth/login', { username: 'old', password: 'Passw0rd-of-mine' })).status).toBe(200);
  });

  test('that is common is accepted without this: common passwords are refused', async () => {
    const weakened = await startWeakened(service, ['common passwords are refused']);
    try {
      const reply = await createClient(weakened.url).post('/auth/register', { email: 'common@tasks.test', password: 'Password1' });
      expect(reply.status).toBe(201);
    } finally {
      await weakened.stop();
    }
  }, 30_000);
});
