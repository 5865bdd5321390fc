import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import PostalMime from 'postal-mime';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { eventually } from '../accounts/support.ts';
import { type Arrived, type MailServer, startMailServer } from '../support/mail-server.ts';
import { type Client, createClient, type Reply, startTestService, type TestService } from '../support/service.ts';

const password = 'Passw0rd-of-mine';
const publicUrl = 'https://tasks.test';

let server: MailServer;
let service: TestService;
let anonymous: Client;
let admin: Client;
let pool: pg.Pool;

beforeAll(async () => {
  server = await startMailServer({ disabledCommands: ['STARTTLS'] });
  service = await startTestService({ SMTP_URL: server.url, PUBLIC_URL: `${publicUrl}/` });
  anonymous = service.anonymous;
  admin = await service.admin();
  pool = createPool(service.connectionString, { max: 2, applicationName: 'tests', onError: () => {} });
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await service?.stop();
  await server?.stop();
});

const outcome = ({ status, body }: Reply) => (body?.error ? `${status} ${body.error.code}` : String(status));
const emailOf = (client: Client) => `${client.username}@tasks.test`;
const linkIn = ({ mail }: Arrived) => new URL(/https:\/\/\S+/.exec(mail.text!)![0]);
const tokenIn = (arrived: Arrived) => linkIn(arrived).searchParams.get('token')!;
const here = () => server.arrived.length;
const login = (username: string, secret = password) => anonymous.post('/auth/login', { username, password: secret });
/** What is queued for nobody is dropped: then all that was queued before it has been looked at. */
const allSent = () =>
  eventually(
    async () => (await pool.query('select count(*)::int as n from notifications.mail_outbox where outcome is null')).rows[0].n,
    (n) => n === 0,
  );
async function verified(name: string): Promise<Client> {
  const client = await service.someone(name);
  await client.post('/notifications/subscribe');
  const token = tokenIn(await server.next(emailOf(client)));
  await anonymous.post('/notifications/verify', { token });
  return client;
}
/** What is told of somebody's account, the first first. */
async function told(client: Client, count: number): Promise<string[]> {
  const items = await eventually(
    async () =>
      (await admin.get(`/activity?actor=${client.id}&start_date=2020-01-01&end_date=2099-01-01&resource_type=user&limit=100`)).body.items,
    (found: { action: string }[]) => found.length >= count,
  );
  return items.map(({ action }: { action: string }) => action).reverse();
}

test('nothing is mailed at registration', async () => {
  const ann = await service.someone('quiet-ann');
  await allSent();
  expect(server.arrived.filter(({ to }) => to === emailOf(ann))).toEqual([]);
});

describe('the verification of an address', () => {
  test('is by a link, whose page has a button; opening it changes nothing, and it works once', async () => {
    const ann = await service.someone('vera');
    expect(outcome(await ann.post('/notifications/subscribe'))).toBe('202');
    const arrived = await server.next(emailOf(ann));
    const link = linkIn(arrived);
    expect(link.href).toMatch(/^https:\/\/tasks\.test\/api\/v1\/notifications\/verify\?token=[\w-]{64}$/);
    expect(arrived.mail.html).toContain(link.href);
    expect(arrived.mail.headers.some(({ key }) => key === 'list-unsubscribe')).toBe(false);

    const opened = await anonymous.get(`/notifications/verify${link.search}`);
    expect([opened.status, opened.headers.get('location')]).toEqual([303, `${publicUrl}/verify${link.search}`]);
    const page = await anonymous.send('GET', `/verify${link.search}`);
    expect([page.status, page.text.includes('<button')]).toEqual([200, true]);
    expect((await ann.get('/auth/me')).body.email_verified).toBe(false);

    const token = tokenIn(arrived);
    const replies = await Promise.all([1, 2, 3].map(() => anonymous.post('/notifications/verify', { token })));
    expect(replies.map(outcome).sort()).toEqual(['200', '400 LINK_INVALID', '400 LINK_INVALID']);
    expect(replies.find(({ status }) => status === 200)!.body).toEqual({ email_verified: true });
    expect((await ann.get('/auth/me')).body.email_verified).toBe(true);
    expect(await told(ann, 2)).toEqual(['created', 'verified']);

    const before = here();
    expect(outcome(await ann.post('/notifications/subscribe'))).toBe('202');
    await allSent();
    expect(here()).toBe(before);
  });

  test('is not by a token that is made up, altered, for something else, or too old', async () => {
    const ann = await service.someone('victor');
    await ann.post('/notifications/subscribe');
    const token = tokenIn(await server.next(emailOf(ann)));
    const from = here();
    await anonymous.post('/auth/password-reset', { email: emailOf(ann) });
    const reset = tokenIn(await server.next(emailOf(ann), from));
    const altered = token.slice(0, -4) + (token.endsWith('AAAA') ? 'BBBB' : 'AAAA');
    for (const wrong of ['x', 'A'.repeat(64), altered, `${token}A`, token.toUpperCase(), reset, '\u{1f388}'])
      expect([wrong, outcome(await anonymous.post('/notifications/verify', { token: wrong }))]).toEqual([wrong, '400 LINK_INVALID']);
    expect(outcome(await anonymous.post('/auth/password-reset/confirm', { token, new_password: 'Passw0rd-other' }))).toBe(
      '400 LINK_INVALID',
    );
    const lives = await pool.query<{ purpose: string; seconds: number }>(
      `select purpose, extract(epoch from expires_at - created_at)::int as seconds from accounts.mail_links where user_id = $1 order by purpose`,
      [ann.id],
    );
    expect(lives.rows).toEqual([
      { purpose: 'password_reset', seconds: 1800 },
      { purpose: 'verification', seconds: 86_400 },
    ]);
    await pool.query('update accounts.mail_links set expires_at = now() where user_id = $1', [ann.id]);
    expect(outcome(await anonymous.post('/notifications/verify', { token }))).toBe('400 LINK_INVALID');
    expect(outcome(await anonymous.post('/auth/password-reset/confirm', { token: reset, new_password: 'Passw0rd-other' }))).toBe(
      '400 LINK_INVALID',
    );
  });

  test('leaves no token where it could be found: neither in the database nor in the log', async () => {
    const tokens = server.arrived.filter(({ mail }) => mail.text?.includes('token=')).map(tokenIn);
    expect(tokens.length).toBeGreaterThan(2);
    const { rows: tables } = await pool.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('accounts', 'notifications', 'event_log')`,
    );
    const texts = await Promise.all(
      tables.map(async ({ name }) => (await pool.query(`select string_agg(t::text, '') as all from ${name} t`)).rows[0].all ?? ''),
    );
    const everything = texts.join('') + service.log.join('');
    for (const token of tokens) expect(everything.includes(token.slice(24))).toBe(false);
    expect(texts[tables.findIndex(({ name }) => name.includes('mail_outbox'))]).not.toContain('@');
    expect(service.log.join('')).not.toMatch(/(vera|victor)@/);
  });
});

describe('a forgotten password', () => {
  test('is replaced by a link, which ends all sessions and tokens', async () => {
    const rita = await verified('rita');
    const other = (await login('rita')).body;
    const unmailed = here();
    const { token: personal } = (await rita.post('/auth/tokens', { name: 'mine', scopes: ['tasks:read'] })).body;
    await server.next(emailOf(rita), unmailed);
    const from = here();
    const asked = await anonymous.post('/auth/password-reset', { email: 'RITA@tasks.test' });
    expect([asked.status, asked.text]).toEqual([202, '']);
    await anonymous.post('/auth/password-reset', { email: 'rita@tasks.test' });
    const first = await server.next(emailOf(rita), from);
    await allSent();
    expect(linkIn(first).href).toMatch(/^https:\/\/tasks\.test\/password-reset\?token=/);
    expect((await anonymous.send('GET', '/password-reset')).text).toContain('new-password');

    const confirm = (arrived: Arrived, new_password: string) =>
      anonymous.post('/auth/password-reset/confirm', { token: tokenIn(arrived), new_password });
    expect((await confirm(first, 'short')).status).toBe(422);
    const guessable = await confirm(first, 'Rita@Tasks.Test1'.slice(0, -1));
    expect([guessable.status, guessable.body.error.details?.[0]?.path]).toEqual([422, 'new_password']);
    expect(outcome(await confirm(first, 'Another-passw0rd'))).toBe('204');
    expect(outcome(await confirm(first, 'Yet-another-passw0rd'))).toBe('400 LINK_INVALID');
    // The others of before have gone with the password that they were for.
    const second = server.arrived.slice(from).filter(({ to, mail }) => to === emailOf(rita) && mail.messageId !== first.mail.messageId);
    expect(second).toHaveLength(1);
    expect(outcome(await confirm(second[0]!, 'Yet-another-passw0rd'))).toBe('400 LINK_INVALID');

    for (const bearer of [rita.token, other.access_token, personal])
      expect(outcome(await createClient(service.url, bearer).get('/auth/me'))).toBe('401 SESSION_ENDED');
    expect(outcome(await anonymous.post('/auth/refresh', { refresh_token: other.refresh_token }))).toBe('401 TOKEN_INVALID');
    expect(outcome(await login('rita'))).toBe('401 INVALID_CREDENTIALS');
    expect(outcome(await login('rita', 'Another-passw0rd'))).toBe('200');
    expect(await told(rita, 5)).toEqual(['created', 'verified', 'token_created', 'password_changed', 'token_revoked']);
  });

  test('is asked for with one answer, whoever has the address, and mailed only to who may sign in; also to who is not verified', async () => {
    const [ron, dora] = await Promise.all(['ron', 'dora'].map((name) => service.someone(name)));
    await admin.patch(`/admin/users/${dora!.id}`, { is_active: false });
    const from = here();
    const emails = [emailOf(ron!), emailOf(dora!), 'nobody@tasks.test'];
    const replies = await Promise.all(emails.map((email) => anonymous.post('/auth/password-reset', { email })));
    const shape = ({ status, text, headers }: Reply) => [status, text, [...headers.keys()].sort()];
    for (const reply of replies) expect(shape(reply)).toEqual(shape(replies[0]!));
    await server.next(emailOf(ron!), from);
    await allSent();
    expect(server.arrived.slice(from).map(({ to }) => to)).toEqual([emailOf(ron!)]);
    // And writes as much, whoever it is.
    const written = await pool.query(
      `select count(*)::int as n, count(user_id)::int as owned from accounts.mail_links where purpose = 'password_reset' and created_at >
         (select created_at from accounts.mail_links where user_id = $1 and purpose = 'password_reset') - interval '2 seconds'`,
      [ron!.id],
    );
    expect(written.rows[0].n - written.rows[0].owned).toBe(2);
  });

  test('of one account is not asked for without end', async () => {
    const flora = await service.someone('flora');
    const from = here();
    for (let n = 0; n < 12; n++) expect((await anonymous.post('/auth/password-reset', { email: emailOf(flora) })).status).toBe(202);
    await allSent();
    expect(server.arrived.slice(from).filter(({ to }) => to === emailOf(flora))).toHaveLength(10);
  });

  test('is reset by an admin’s wish, too', async () => {
    const gus = await service.someone('gus');
    expect(outcome(await admin.post(`/admin/users/${gus.id}/password-reset`))).toBe('202');
    const token = tokenIn(await server.next(emailOf(gus)));
    expect(outcome(await anonymous.post('/auth/password-reset/confirm', { token, new_password: 'Another-passw0rd' }))).toBe('204');
    expect(outcome(await admin.post(`/admin/users/${crypto.randomUUID()}/password-reset`))).toBe('404 USER_NOT_FOUND');
  });
});

describe('another address', () => {
  test('is proven by a link, and its owner told at the old one; only the last link holds', async () => {
    const eve = await verified('eve');
    const from = here();
    const change = (new_email: string, secret = password) => eve.post('/auth/me/email', { new_email, password: secret });
    expect(outcome(await change('eve2@tasks.test', `${password}!`))).toBe('403 PASSWORD_INCORRECT');
    expect((await change('VERA@tasks.test')).body.error).toMatchObject({ code: 'EMAIL_TAKEN', details: [{ path: 'new_email' }] });
    expect(outcome(await change('eve2@tasks.test'))).toBe('202');
    const superseded = await server.next('eve2@tasks.test', from);
    expect(outcome(await change('eve3@tasks.test'))).toBe('202');
    const link = await server.next('eve3@tasks.test', from);
    const note = await server.next('eve@tasks.test', from);
    expect(note.mail.subject).toBe('Your e-mail address is about to be changed');
    expect(note.mail.text).not.toContain('eve3');
    expect((await eve.get('/auth/me')).body).toMatchObject({ email: 'eve@tasks.test', email_verified: true });

    const verify = (arrived: Arrived) => anonymous.post('/notifications/verify', { token: tokenIn(arrived) });
    expect(outcome(await verify(superseded))).toBe('400 LINK_INVALID');
    const unchanged = here();
    expect((await verify(link)).body).toEqual({ email_verified: true });
    expect((await server.next('eve@tasks.test', unchanged)).mail.subject).toBe('Your e-mail address was changed');
    expect(outcome(await verify(link))).toBe('400 LINK_INVALID');
    expect((await eve.get('/auth/me')).body).toMatchObject({ email: 'eve3@tasks.test', email_verified: true });
    expect(await told(eve, 4)).toEqual(['created', 'verified', 'updated', 'verified']);
    expect(outcome(await anonymous.post('/auth/login', { email: 'eve3@tasks.test', password }))).toBe('200');

    // What the mail that tells of it goes by.
    const { rows } = await pool.query('select event_id, email, was_verified from accounts.former_emails where user_id = $1', [eve.id]);
    expect(rows).toEqual([{ event_id: expect.any(String), email: 'eve@tasks.test', was_verified: true }]);
    expect(await service.storedText()).toContain(rows[0].event_id);
  });

  test('is not told to one that nobody has verified, and not changed once it is taken, or the password is another', async () => {
    const una = await service.someone('una');
    const from = here();
    await una.post('/auth/me/email', { new_email: 'wanted@tasks.test', password });
    const link = tokenIn(await server.next('wanted@tasks.test', from));
    await allSent();
    expect(server.arrived.slice(from).map(({ to }) => to)).toEqual(['wanted@tasks.test']);
    await service.someone('wanted');
    const taken = await anonymous.post('/notifications/verify', { token: link });
    expect(taken.body.error).toMatchObject({ code: 'EMAIL_TAKEN', details: [{ path: 'token' }] });
    await una.post('/auth/me/email', { new_email: 'una2@tasks.test', password });
    const other = tokenIn(await server.next('una2@tasks.test', from));
    await una.post('/auth/password', { current_password: password, new_password: 'Another-passw0rd' });
    expect(outcome(await anonymous.post('/notifications/verify', { token: other }))).toBe('400 LINK_INVALID');
    expect((await una.get('/auth/me')).body.email).toBe('una@tasks.test');
  });
});

test('an erasure takes links, former addresses and preferences with it, and what is queued is not sent', async () => {
  const ida = await verified('ida');
  await ida.patch('/notifications/preferences', { mentioned: false });
  await ida.post('/auth/me/email', { new_email: 'ida2@tasks.test', password });
  await anonymous.post('/notifications/verify', { token: tokenIn(await server.next('ida2@tasks.test')) });
  server.answer.recipient = 450;
  await ida.post('/auth/me/email', { new_email: 'ida3@tasks.test', password });
  await eventually(
    async () =>
      (await pool.query('select kind from notifications.mail_outbox where user_id = $1 and error is not null', [ida.id])).rows.length,
    (n) => n >= 2,
  );
  expect(outcome(await ida.post('/auth/me/erase', { password }))).toBe('204');
  server.answer.recipient = undefined;
  for (const table of ['accounts.mail_links', 'accounts.former_emails', 'notifications.preferences'])
    expect((await pool.query(`select from ${table} where user_id = $1`, [ida.id])).rows).toEqual([]);
  await pool.query('update notifications.mail_outbox set due_at = now() where user_id = $1', [ida.id]);
  await allSent();
  expect(server.arrived.filter(({ to }) => to === 'ida3@tasks.test')).toEqual([]);
});

describe('preferences', () => {
  const usual = {
    email_enabled: true,
    quiet_hours: null,
    task_shared_with_me: true,
    task_assigned_to_me: true,
    comment_on_my_task: true,
    mentioned: true,
    task_due_soon: true,
    task_completed: false,
    email_verified: false,
    timezone: 'UTC',
  };

  test('have their defaults, are changed one by one, and what changed is told', async () => {
    const pia = await service.someone('pia');
    expect((await pia.get('/notifications/preferences')).body).toEqual(usual);
    expect((await pia.patch('/notifications/preferences', {})).body).toEqual(usual);
    const quiet_hours = { from: '22:00', to: '07:30' };
    const changed = await pia.patch('/notifications/preferences', { task_completed: true, quiet_hours, mentioned: true });
    expect([changed.status, changed.body]).toEqual([200, { ...usual, task_completed: true, quiet_hours }]);
    await pia.patch('/auth/me', { timezone: 'Asia/Tokyo' });
    const { token } = (await pia.post('/auth/tokens', { name: 'mine', scopes: ['tasks:write'] })).body;
    const off = await createClient(service.url, token).patch('/notifications/preferences', { quiet_hours: null, email_enabled: false });
    expect(off.body).toEqual({ ...usual, task_completed: true, email_enabled: false, timezone: 'Asia/Tokyo' });
    expect((await pia.get('/notifications/preferences')).body).toEqual(off.body);
    expect(await told(pia, 5)).toEqual(['created', 'updated', 'updated', 'token_created', 'updated']);
    const stored = await service.storedText();
    expect(stored).toContain('"task_completed":{"from":false,"to":true}');
    expect(stored).toContain('"quiet_hours":{"from":{"from":"22:00","to":"07:30"},"to":null}');
  });

  test.each([
    [{ quiet_hours: { from: '24:00', to: '07:00' } }, 'quiet_hours.from'],
    [{ quiet_hours: { from: '7:00', to: '08:00' } }, 'quiet_hours.from'],
    [{ quiet_hours: { from: '22:00' } }, 'quiet_hours.to'],
    [{ quiet_hours: { from: '22:00', to: '22:00' } }, 'quiet_hours.to'],
    [{ mentioned: 'yes' }, 'mentioned'],
    [{ mentioned: null }, 'mentioned'],
    [{ email_verified: true }, 'email_verified'],
    [{ timezone: 'UTC' }, 'timezone'],
  ])('are not what they cannot be: %j', async (body, path) => {
    const reply = await admin.patch('/notifications/preferences', body);
    expect([reply.status, reply.body.error.details.map((fault: { path: string }) => fault.path)]).toEqual([422, [path]]);
  });

  test('end with one click in a mail program, by a token that is good for nothing else', async () => {
    const uma = await service.someone('uma');
    const { unsubscribeToken } = await import('../../src/accounts/unsubscribe-token.ts');
    const { deriveKey } = await import('../../src/events/keys/data-key.ts');
    const { keys } = await import('../support/service.ts');
    const token = unsubscribeToken(deriveKey(keys.SECRET_KEY!, 'unsubscribing'), uma.id);
    const click = (value: string, type: string, body: string) =>
      anonymous.send('POST', `/api/v1/notifications/unsubscribe?token=${value}`, { body, headers: { 'content-type': type } });
    const form = 'application/x-www-form-urlencoded';
    for (const wrong of ['x', `${token.slice(0, -3)}AAA`]) expect(outcome(await click(wrong, form, ''))).toBe('400 LINK_INVALID');
    const multipart = '--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n';
    for (const [type, body] of [
      [form, 'List-Unsubscribe=One-Click'],
      ['multipart/form-data; boundary=b', multipart],
    ] as const) {
      const reply = await click(token, type, body);
      expect([reply.status, reply.body]).toEqual([200, { email_enabled: false }]);
    }
    expect((await uma.get('/notifications/preferences')).body.email_enabled).toBe(false);
    expect(await told(uma, 2)).toEqual(['created', 'updated']);
    expect(outcome(await anonymous.post('/notifications/verify', { token }))).toBe('400 LINK_INVALID');
    expect((await anonymous.send('GET', '/unsubscribe')).text).toContain('<button');
  });
});

test('without a server mails are files, links lead to the service itself, and its health says so', async () => {
  expect((await anonymous.send('GET', '/health/detailed')).body.checks.mail).toMatchObject({ status: 'healthy', by: 'smtp' });
  const directory = await mkdtemp(join(tmpdir(), 'mails-'));
  const other = await startTestService({ DATA_DIR: directory });
  try {
    const health = (await other.anonymous.send('GET', '/health/detailed')).body.checks.mail;
    expect(health).toMatchObject({ status: 'healthy', by: 'files', waiting: 0 });
    expect(other.log.join('')).toContain('there is no SMTP_URL');
    const fay = await other.someone('fay');
    await fay.post('/notifications/subscribe');
    const [name] = await eventually(
      () => readdir(join(directory, 'mail')).catch(() => []),
      (names) => names.some((one) => one.endsWith('.eml')),
    );
    const mail = await PostalMime.parse(await readFile(join(directory, 'mail', name!)));
    expect(mail.text).toContain(`${other.url}/api/v1/notifications/verify?token=`);
  } finally {
    await other.stop();
    await rm(directory, { recursive: true, force: true });
  }
}, 30_000);
