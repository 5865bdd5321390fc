import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { eventually } from '../accounts/support.ts';
import { type Arrived, type MailServer, startMailServer } from '../support/mail-server.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';

jest.setTimeout(60_000);

const password = 'Passw0rd-of-mine';
const receiver = 'http://127.0.0.1:9/hook';
let mails: MailServer;
let service: TestService;
beforeAll(async () => {
  mails = await startMailServer({ disabledCommands: ['STARTTLS'] });
  // Without PUBLIC_URL links lead to the service itself.
  service = await startTestService({ SMTP_URL: mails.url, WEBHOOK_ALLOW_PRIVATE: 'true' });
});
afterAll(async () => {
  await service?.stop();
  await mails?.stop();
});

/** Every address in a mail that a reader, or the mail program, may open; that of a webhook is only shown. */
function linksIn({ mail: { text, html, headers } }: Arrived): string[] {
  const header = headers.find(({ key }) => key === 'list-unsubscribe')?.value ?? '';
  const all = `${text} ${html} ${header}`.match(/https?:[^\s"<>]+/g) ?? [];
  return [...new Set(all.map((link) => link.replaceAll('&amp;', '&')))].filter((link) => !link.startsWith(receiver));
}

async function verified(name: string): Promise<Client> {
  const client = await service.someone(name);
  await client.post('/notifications/subscribe');
  const link = linksIn(await mails.next(`${name}@tasks.test`))[0]!;
  await service.anonymous.post('/notifications/verify', { token: new URL(link).searchParams.get('token') });
  return client;
}

/** The status of the first response, and the type of the page that it leads to. */
async function opened(link: string): Promise<string> {
  const first = await fetch(link, { redirect: 'manual' });
  const page = await fetch(link);
  return `${first.status} ${page.status} ${page.headers.get('content-type')}`;
}

test('every link in every mail leads to a page, and opening it changes nothing', async () => {
  const [ann, bob] = [await verified('ann'), await verified('bob')];
  await ann.patch('/notifications/preferences', { task_completed: true });
  const create = async (by: Client, title: string) => (await by.post('/tasks', { title })).body.id as string;
  const [own, other] = [await create(ann, 'Of ann'), await create(bob, 'Of bob')];
  await ann.post(`/tasks/${own}/share`, { user_id: bob.id, permission: 'edit' });
  await bob.post(`/tasks/${other}/share`, { user_id: ann.id, permission: 'edit' });
  await bob.patch(`/tasks/${other}`, { assignee_id: ann.id });
  await bob.post(`/tasks/${own}/comments`, { content: 'Said' });
  await bob.post(`/tasks/${other}/comments`, { content: 'Said to @ann' });
  await bob.post(`/tasks/${own}/transition`, { target_status: 'done' });
  await bob.post(`/tasks/${await create(bob, 'Given')}/transfer`, { new_owner_id: ann.id });
  await (await service.admin()).delete(`/tasks/${await create(ann, 'Not wanted')}`);
  await ann.post('/auth/tokens', { name: 'mine', scopes: ['tasks:read'] });
  const { body: webhook } = await ann.post('/webhooks', { url: receiver, types: ['*'] });
  await ann.patch(`/webhooks/${webhook.id}`, { url: `${receiver}/2` });
  await ann.post('/auth/password', { current_password: password, new_password: `${password}-2` });
  await service.anonymous.post('/auth/password-reset', { email: 'ann@tasks.test' });
  await ann.post('/auth/me/email', { new_email: 'ann-2@tasks.test', password: `${password}-2` });
  const expected = [
    /^Confirm your e-mail address$/,
    /^Confirm your new e-mail address$/,
    /^Reset your password$/,
    /e-mail address is about to be changed$/,
    /^A new access token/,
    /^A webhook was created/,
    /^A webhook of yours has a new address$/,
    /password was changed$/,
    /shared “Of bob” with you/,
    /assigned “Of bob” to you/,
    /made you the owner/,
    /completed “Of ann”/,
    /deleted your task/,
    /commented on “Of ann”/,
    /mentioned you on “Of bob”/,
  ];
  const missing = () => expected.filter((subject) => !mails.arrived.some(({ mail }) => subject.test(mail.subject!)));
  await eventually(
    async () => missing(),
    (subjects) => subjects.length === 0,
  );

  for (const arrived of mails.arrived) {
    for (const link of linksIn(arrived)) {
      const { subject } = arrived.mail;
      expect({ subject, link, opened: await opened(link) }).toEqual({
        subject,
        link,
        opened: expect.stringMatching(/^(200|303) 200 text\/html/),
      });
    }
  }
  expect((await bob.get('/notifications/preferences')).body).toMatchObject({ email_enabled: true, email_verified: true });
});

test('every address in a `Location` is one of this service', async () => {
  const [cid, admin] = [await service.someone('cid'), await service.admin()];
  const task = await cid.post('/tasks', { title: 'Any' });
  const form = new FormData();
  form.append('file', new Blob(['text'], { type: 'text/plain' }), 'any.txt');
  const file = await fetch(`${service.url}/api/v1/tasks/${task.body.id}/files`, {
    method: 'POST',
    body: form,
    headers: { authorization: `Bearer ${cid.token}` },
  });
  const webhook = await admin.post('/webhooks', { url: receiver, types: ['*'] });
  const calls: [Client, { status: number; headers: Headers }][] = [
    [cid, task],
    [cid, file],
    [admin, webhook],
    [admin, await admin.post(`/webhooks/${webhook.body.id}/replay`, { after: '0' })],
    [admin, await admin.post('/admin/users', { email: 'dan@tasks.test', username: 'dan', password })],
    [admin, await admin.post('/admin/projections/activity/rebuild', {})],
    [cid, await cid.send('POST', '/async/background-task', { body: '{}', headers: { 'content-type': 'application/json' } })],
  ];
  for (const [index, [client, { status, headers }]] of calls.entries()) {
    const location = headers.get('location')!;
    expect({ index, status, location }).toEqual({ index, status: expect.any(Number), location: expect.stringMatching(/^\//) });
    expect({ location, status: (await client.send('GET', location)).status }).toEqual({ location, status: 200 });
  }
});
