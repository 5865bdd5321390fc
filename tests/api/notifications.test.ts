import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type pg from 'pg';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { eventually } from '../accounts/support.ts';
import { type Arrived, type MailServer, startMailServer } from '../support/mail-server.ts';
import { type Client, type Reply, startTestService, type TestService } from '../support/service.ts';
import { upload } from '../support/uploads.ts';

jest.setTimeout(60_000);

const password = 'Passw0rd-of-mine';
let server: MailServer;
let service: TestService;
let pool: pg.Pool;
let admin: Client;
let witness: Client;

beforeAll(async () => {
  server = await startMailServer({ disabledCommands: ['STARTTLS'] });
  service = await startTestService({ SMTP_URL: server.url, PUBLIC_URL: 'https://tasks.test', WEBHOOK_ALLOW_PRIVATE: 'true' });
  pool = createPool(service.connectionString, { max: 2, applicationName: 'tests', onError: () => {} });
  admin = await service.admin();
  witness = await service.someone('witness');
});
afterAll(async () => {
  await pool?.end();
  await service?.stop();
  await server?.stop();
});

interface Item {
  id: string;
  kind: string;
  type: string | null;
  event_id: string;
  task: { id: string; title: string | null } | null;
  actor: { id: string; username: string; full_name: string } | null;
  details: Record<string, string>;
  created_at: string;
  read_at: string | null;
}

const outcome = ({ status, body }: Reply) => (body?.error ? `${status} ${body.error.code}` : String(status));
async function verified(name: string): Promise<Client> {
  const client = await service.someone(`${name}-${randomUUID().slice(0, 6)}`);
  await pool.query('update accounts.users set email_verified = true where id = $1', [client.id]);
  return client;
}
const made = async (by: Client, body: object = {}) => (await by.post('/tasks', { title: 'Water the plants', ...body })).body;
/** All that was appended by now has been told: a last thing that was appended behind it was. */
async function allTold(): Promise<void> {
  const { id } = await made(admin);
  await admin.post(`/tasks/${id}/share`, { user_id: witness.id });
  await eventually(
    async () => (await pool.query('select from notifications.inbox where user_id = $1 and task_id = $2', [witness.id, id])).rowCount,
    (n) => n === 1,
    20_000,
  );
}
/** What was mailed or is to be, when all that can be sent now is sent. */
async function mails(to: Client): Promise<{ kind: string; outcome: string | null; due: Date }[]> {
  await allTold();
  const look = async () =>
    (await pool.query('select kind, outcome, due_at as due from notifications.mail_outbox where user_id = $1 order by id', [to.id])).rows;
  return eventually(look, (rows) => rows.every(({ outcome, due }) => outcome !== null || due.getTime() > Date.now() + 200_000), 20_000);
}
const mailed = async (to: Client) => (await mails(to)).map(({ kind, outcome }) => `${kind}: ${outcome}`);
const arrivedFor = ({ username }: Client): Arrived[] => server.arrived.filter(({ to }) => to === `${username}@tasks.test`);
/** Several are sent at a time, and arrive in any order. */
const mailOf = (to: Client, subject: string) => arrivedFor(to).find(({ mail }) => mail.subject?.includes(subject))?.mail;
const items = async (of: Client, query = ''): Promise<Item[]> => (await of.get(`/notifications?limit=100${query}`)).body.items;
/** What somebody was told since, the first first. */
async function kinds(of: Client): Promise<string[]> {
  await allTold();
  return (await items(of)).map(({ kind }) => kind).reverse();
}
const quiet = (minutes: number) => {
  const time = (ahead: number) => new Date(Date.now() + ahead * 60_000).toISOString().slice(11, 16);
  return { from: time(-2), to: time(minutes) };
};

describe('each fact is told once, to each whom it concerns, whatever wrote it', () => {
  test('a command, one of several in a call, a bulk call, an undo and what takes it back', async () => {
    const [ann, bob] = [await service.someone('ann'), await service.someone('bob')];
    const tasks = [await made(ann), await made(ann), await made(ann)];
    const ids = tasks.map(({ id }) => id);
    const [first, second] = ids;
    await ann.post(`/tasks/${first}/share`, { user_id: bob.id, permission: 'edit' });
    await ann.patch('/tasks/bulk', { task_ids: ids, updates: { assignee_id: bob.id, title: 'Water all plants' } });
    expect(await kinds(bob)).toEqual(['task_shared_with_me', ...ids.map(() => 'task_assigned_to_me')]);
    await bob.post('/tasks/bulk-status', { task_ids: ids, target_status: 'done' });
    await bob.post('/tasks/bulk-status', { task_ids: ids, target_status: 'done' });
    expect(await kinds(ann)).toEqual(ids.map(() => 'task_completed'));
    await ann.post(`/tasks/${second}/undo`, { revision: 2 });
    await ann.post('/tasks/bulk-delete', { task_ids: [first] });
    await ann.post(`/tasks/${first}/restore`, {});
    await bob.delete(`/tasks/${first}/force`);
    expect((await kinds(bob)).slice(4)).toEqual(['task_unassigned_from_me', 'task_deleted']);
    expect((await kinds(ann)).slice(3)).toEqual(['task_deleted']);
    await admin.post(`/tasks/${first}/restore`, {});
    expect((await kinds(ann)).slice(4)).toEqual(['task_restored']);
  });

  test('a repeated call with its key, and what changes nothing, are no facts', async () => {
    const [ann, bob] = [await service.someone('ann-again'), await service.someone('bob-again')];
    const { id } = await made(ann);
    const share = () => ann.post(`/tasks/${id}/share`, { user_id: bob.id }, { 'idempotency-key': 'once' });
    await Promise.all([share(), share(), share()]);
    await share();
    await ann.put(`/tasks/${id}/share/${bob.id}`, { permission: 'view' });
    expect(await kinds(bob)).toEqual(['task_shared_with_me']);
  });

  test('comments and files: a mention wins, and who made it is not told', async () => {
    const [ann, bob, cleo] = [await verified('ann'), await verified('bob'), await verified('cleo')];
    const { id } = await made(ann, { assignee_id: bob.id });
    await ann.post(`/tasks/${id}/share`, { user_id: cleo.id });
    const { body: comment } = await cleo.post(`/tasks/${id}/comments`, { content: `Dry, @${bob.username} and @${cleo.username}` });
    await ann.delete(`/tasks/${id}/comments/${comment.id}`);
    const file = await upload(service.url, bob, id, { name: 'plan.txt', content: 'water' });
    await ann.delete(`/files/${file.body.id}`);
    expect([await kinds(ann), await kinds(bob), await kinds(cleo)]).toEqual([
      ['comment_on_my_task', 'file_attached'],
      ['task_assigned_to_me', 'mentioned', 'file_deleted'],
      ['task_shared_with_me', 'comment_deleted'],
    ]);
    const [deleted] = await items(cleo);
    expect(deleted).toMatchObject({
      type: 'tasktrail.comment.deleted.v1',
      task: { id, title: 'Water the plants' },
      actor: { id: ann.id, username: ann.username, full_name: expect.stringContaining('Example') },
      details: { comment_id: comment.id },
      read_at: null,
    });
  });

  test('a role, a password, a token', async () => {
    const ann = await verified('secure');
    await ann.patch('/notifications/preferences', { email_enabled: false, quiet_hours: quiet(30) });
    await admin.patch(`/admin/users/${ann.id}`, { role: 'admin' });
    await admin.patch(`/admin/users/${ann.id}`, { role: 'user' });
    await ann.post('/auth/tokens', { name: 'my “script”', scopes: ['tasks:read', 'events:read'] });
    await ann.post('/auth/password', { current_password: password, new_password: 'Another-passw0rd' });
    expect(await mailed(ann)).toEqual(['access_token_created: sent', 'password_changed: sent']);
    expect((await items(ann)).map(({ kind, details }) => [kind, details])).toEqual([
      ['role_changed', { role: 'user' }],
      ['role_changed', { role: 'admin' }],
    ]);
    const [token, changed] = [mailOf(ann, 'token'), mailOf(ann, 'password')];
    expect(token!.text).toContain('my “script”');
    expect(token!.text).toContain('tasks:read, events:read');
    expect(token!.headers.some(({ key }) => key === 'list-unsubscribe')).toBe(false);
    expect(changed!.subject).toBe('Your password was changed');
  });

  test('a webhook that was disabled, with where it led to', async () => {
    const ann = await verified('hooks');
    const gone = createServer((_, response) => void response.writeHead(410).end());
    await new Promise<void>((resolve) => void gone.listen(0, '127.0.0.1', resolve));
    try {
      const url = `http://127.0.0.1:${(gone.address() as AddressInfo).port}/hook`;
      const { body: webhook } = await ann.post('/webhooks', { url, types: ['*'] });
      await made(ann);
      await eventually(
        () => items(ann),
        (found) => found.length > 1,
        10_000,
      );
      expect(await items(ann)).toMatchObject([
        { kind: 'webhook_disabled', task: null, actor: null, details: { webhook_id: webhook.id, reason: 'gone' } },
        { kind: 'webhook_created', task: null, details: { webhook_id: webhook.id } },
      ]);
      expect((await mailed(ann)).sort()).toEqual(['webhook_created: sent', 'webhook_disabled: sent']);
      for (const { mail } of arrivedFor(ann)) expect(mail.text).toContain(url);
    } finally {
      gone.close();
    }
  });

  test('not to who is disabled, and by no rebuild of a read model', async () => {
    const [ann, bob] = [await service.someone('ann-rebuilds'), await verified('bob')];
    const { id } = await made(ann, { assignee_id: bob.id });
    await allTold();
    await admin.patch(`/admin/users/${bob.id}`, { is_active: false });
    await ann.post(`/tasks/${id}/transition`, { target_status: 'done' });
    await ann.patch(`/tasks/${id}`, { assignee_id: null });
    await allTold();
    const rows = async () =>
      (
        await pool.query(
          `select (select count(*) from notifications.inbox where user_id <> $1)::int as inbox,
          (select count(*) from notifications.mail_outbox)::int as mails, (select count(*) from notifications.inbox where user_id = $2)::int as bobs`,
          [witness.id, bob.id],
        )
      ).rows[0];
    const before = await rows();
    expect(before.bobs).toBe(1);
    for (const model of ['listing', 'activity', 'feed']) expect((await admin.post(`/admin/projections/${model}/rebuild`)).status).toBe(202);
    for (const model of ['listing', 'activity', 'feed']) {
      await eventually(
        async () => (await admin.get(`/admin/projections/${model}`)).body,
        ({ state, rebuild }) => state === 'live' && rebuild === null,
        30_000,
      );
    }
    await allTold();
    expect(await rows()).toEqual(before);
  });
});

describe('mails', () => {
  test('say the same as text and HTML, can be ended by one click, and are known by event and recipient', async () => {
    const [ann, bob] = [await verified('ann'), await verified('bob')];
    const { id } = await made(ann, { title: 'Plants & <b>palms</b>', assignee_id: bob.id });
    await ann.post(`/tasks/${id}/comments`, { content: `Look, @${bob.username}: <i>dry</i>` });
    expect(await mailed(bob)).toEqual(['task_assigned_to_me: sent', 'mentioned: sent']);
    const [assigned, mentioned] = [mailOf(bob, 'assigned'), mailOf(bob, 'mentioned')];
    const [told] = await items(bob);
    expect(mentioned!.messageId).toBe(`<${told!.event_id}.${bob.id}@localhost>`);
    expect(assigned!.subject).toBe(`${ann.username} Example assigned “Plants & <b>palms</b>” to you`);
    expect(mentioned!.text).toContain(`Look, @${bob.username}: <i>dry</i>`);
    expect(mentioned!.html).toContain('&lt;i&gt;dry&lt;/i&gt;');
    expect(mentioned!.html).not.toContain(`/tasks/${id}`);
    const header = (key: string) => mentioned!.headers.find((one) => one.key === key)?.value ?? '';
    expect(header('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
    const [, token] = /^<https:\/\/tasks\.test\/api\/v1\/notifications\/unsubscribe\?token=([\w-]+)>$/.exec(header('list-unsubscribe'))!;
    expect(outcome(await service.anonymous.post(`/notifications/unsubscribe?token=${token}`))).toBe('200');
    await ann.post(`/tasks/${id}/comments`, { content: 'Still dry' });
    expect((await mailed(bob)).slice(2)).toEqual(['comment_on_my_task: dropped']);
    expect((await items(bob)).length).toBe(3);
  });

  test('are sent to those who want them: each kind by itself, and by default not of what is done', async () => {
    const [ann, bob] = [await verified('ann'), await verified('bob')];
    await bob.patch('/notifications/preferences', { task_assigned_to_me: false });
    const { id } = await made(ann, { assignee_id: bob.id });
    await bob.post(`/tasks/${id}/transition`, { target_status: 'done' });
    expect([await mailed(bob), await mailed(ann)]).toEqual([['task_assigned_to_me: dropped'], ['task_completed: dropped']]);
    await ann.patch('/notifications/preferences', { task_completed: true });
    await ann.post(`/tasks/${id}/transition`, { target_status: 'todo' });
    await bob.post(`/tasks/${id}/transition`, { target_status: 'done' });
    expect((await mailed(ann)).slice(1)).toEqual(['task_completed: sent']);
    expect((await kinds(ann)).length).toBe(2);
    const eve = await service.someone('unverified-eve');
    await ann.post(`/tasks/${id}/share`, { user_id: eve.id });
    expect([await mailed(eve), await kinds(eve)]).toEqual([[], ['task_shared_with_me']]);
  });

  test('wait until quiet hours end, and then say what is still to be said', async () => {
    const [ann, bob, eve] = [await verified('ann'), await verified('bob'), await verified('eve')];
    await bob.patch('/notifications/preferences', { quiet_hours: quiet(30) });
    const [kept, lost, removed] = [await made(ann), await made(ann), await made(ann)];
    for (const { id } of [kept, lost, removed]) await ann.post(`/tasks/${id}/share`, { user_id: bob.id });
    for (const user of [eve, bob]) await ann.post(`/tasks/${kept.id}/share`, { user_id: user.id, permission: 'edit' });
    await eve.post(`/tasks/${kept.id}/comments`, { content: `A secret for @${bob.username}` });
    const { body: comment } = await ann.post(`/tasks/${kept.id}/comments`, { content: `Wrong, @${bob.username}` });
    const waiting = await mails(bob);
    expect(waiting.map(({ outcome }) => outcome)).toEqual([null, null, null, null, null]);
    const end = Date.now() + 30 * 60_000;
    for (const { due } of waiting) expect(Math.abs(due.getTime() - end)).toBeLessThan(120_000);

    await ann.delete(`/tasks/${lost.id}/share/${bob.id}`);
    await ann.delete(`/tasks/${removed.id}`);
    await ann.patch(`/tasks/${kept.id}`, { title: 'Water the palms' });
    await ann.delete(`/tasks/${kept.id}/comments/${comment.id}`);
    expect(outcome(await eve.delete('/auth/me', { password }))).toBe('204');
    await bob.patch('/notifications/preferences', { quiet_hours: null });
    await pool.query('update notifications.mail_outbox set due_at = now() where user_id = $1', [bob.id]);
    expect(await mailed(bob)).toEqual([
      'task_shared_with_me: sent',
      'task_shared_with_me: dropped',
      'task_shared_with_me: dropped',
      'mentioned: sent',
      'mentioned: dropped',
    ]);
    const [share, mention] = [mailOf(bob, 'shared'), mailOf(bob, 'mentioned')];
    expect(share!.subject).toContain('“Water the palms”');
    expect(mention!.subject).toBe('Deleted user mentioned you on “Water the palms”');
    expect(`${mention!.text}${mention!.html}`).not.toContain('secret');
  });
});

describe('the inbox', () => {
  test('is read by pages, and marked as read: some, all, and nothing where one is not theirs', async () => {
    const [ann, bob] = [await service.someone('ann-reads'), await service.someone('bob-reads')];
    for (const title of ['One', 'Two', 'Three']) await made(ann, { title, assignee_id: bob.id });
    await made(bob, { title: 'Four', assignee_id: ann.id });
    await allTold();
    const { body: page } = await bob.get('/notifications?limit=2');
    expect(page).toMatchObject({ total: 3, page: 1, pages: 2, per_page: 2 });
    expect(page.items.map(({ task }: Item) => task!.title)).toEqual(['Three', 'Two']);
    const { body: rest } = await bob.get(`/notifications?limit=2&cursor=${page.next_cursor}`);
    expect(rest.items.map(({ task }: Item) => task!.title)).toEqual(['One']);
    const [three, two] = page.items as Item[];
    const [anns] = await items(ann);

    const read = (by: Client, body: object) => by.post('/notifications/read', body).then(outcome);
    expect(await read(bob, { ids: [two!.id, anns!.id] })).toBe('404 NOTIFICATION_NOT_FOUND');
    expect(await read(bob, { ids: [randomUUID()] })).toBe('404 NOTIFICATION_NOT_FOUND');
    expect((await items(bob, '&unread=true')).length).toBe(3);
    expect(await read(bob, { ids: [two!.id, two!.id] })).toBe('204');
    expect(await read(bob, { ids: [two!.id] })).toBe('204');
    expect((await items(bob, '&unread=true')).map(({ task }) => task!.title)).toEqual(['Three', 'One']);
    expect((await items(bob, '&unread=false')).map(({ id }) => id)).toEqual([two!.id]);
    expect(await read(bob, { all: true })).toBe('204');
    expect(await items(bob, '&unread=true')).toEqual([]);
    expect((await items(bob)).map(({ read_at }) => read_at === null)).toEqual([false, false, false]);
    expect((await items(ann, '&unread=true')).length).toBe(1);
    for (const wrong of [{}, { ids: [] }, { all: false }, { ids: [three!.id], all: true }, { ids: ['x'] }, { id: three!.id }])
      expect([wrong, await read(bob, wrong)]).toEqual([wrong, '422 VALIDATION_FAILED']);
    expect(outcome(await bob.get('/notifications?unread=yes'))).toBe('422 VALIDATION_FAILED');
    expect(outcome(await bob.get(`/notifications?unread=true&cursor=${page.next_cursor}`))).toBe('422 INVALID_CURSOR');
  });

  test('shows names and titles of now, and no title of what its reader may not see', async () => {
    const [ann, bob] = [await service.someone('ann-titles'), await service.someone('bob-titles')];
    const { id } = await made(ann);
    await ann.post(`/tasks/${id}/share`, { user_id: bob.id });
    await ann.patch(`/tasks/${id}`, { title: 'Renamed' });
    await ann.patch('/auth/me', { full_name: 'Ann the Great' });
    await allTold();
    expect(await items(bob)).toMatchObject([{ task: { id, title: 'Renamed' }, actor: { full_name: 'Ann the Great' } }]);
    await ann.delete(`/tasks/${id}/share/${bob.id}`);
    await allTold();
    expect((await items(bob)).map(({ kind, task }) => [kind, task])).toEqual([
      ['task_share_revoked', { id, title: null }],
      ['task_shared_with_me', { id, title: null }],
    ]);
  });

  test('is in what somebody is given of theirs, and goes with the account', async () => {
    const [ann, bob] = [await service.someone('ann-leaves'), await verified('bob-leaves')];
    await made(ann, { assignee_id: bob.id });
    await bob.patch('/notifications/preferences', { quiet_hours: { from: '22:00', to: '07:00' }, mentioned: false });
    await bob.post('/auth/me/email', { new_email: 'bob-elsewhere@tasks.test', password });
    await allTold();
    const { body } = await bob.get('/auth/me/export');
    expect(body.notification_preferences).toMatchObject([
      { quiet_from: '22:00', quiet_to: '07:00', mentioned: false, email_enabled: true },
    ]);
    expect(body.pending_addresses).toMatchObject([{ email: 'bob-elsewhere@tasks.test' }]);
    expect(body.former_addresses).toEqual([]);
    expect(body.notifications).toMatchObject([{ kind: 'task_assigned_to_me', event: 'TaskCreated', actor_id: ann.id }]);
    await pool.query(`insert into notifications.due_days values ($1, '2026-01-01') on conflict do nothing`, [bob.id]);
    expect(outcome(await bob.delete('/auth/me', { password }))).toBe('204');
    for (const table of ['inbox', 'mail_outbox', 'due_days', 'preferences']) {
      const { rowCount } = await pool.query(`select from notifications.${table} where user_id = $1`, [bob.id]);
      expect([table, rowCount]).toEqual([table, 0]);
    }
  });

  test('forgets what was read 90 days ago, and what never was after a year', async () => {
    const { createInbox } = await import('../../src/notifications/inbox.ts');
    const { databaseOn } = await import('../../src/accounts/database.ts');
    const [ann, bob] = [await service.someone('ann-tidies'), await service.someone('bob-tidies')];
    for (const title of ['Read long ago', 'Read', 'Old', 'Unread']) await made(ann, { title, assignee_id: bob.id });
    await allTold();
    const [, old, read, long] = await items(bob);
    await pool.query(`update notifications.inbox set read_at = now() - interval '91 days' where id = $1`, [long!.id]);
    await pool.query(`update notifications.inbox set read_at = now() - interval '89 days' where id = $1`, [read!.id]);
    await pool.query(`update notifications.inbox set created_at = now() - interval '366 days' where id = $1`, [old!.id]);
    await createInbox(databaseOn(pool)).tidy();
    expect((await items(bob)).map(({ task }) => task!.title)).toEqual(['Unread', 'Read']);
  });
});
