import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type pg from 'pg';
import { databaseOn } from '../../../src/accounts/database.ts';
import { type Mail, MailFailure } from '../../../src/platform/mail/mailer.ts';
import { type MailOutbox, type RenderMail, startMailOutbox } from '../../../src/platform/mail/outbox.ts';
import { queueMail } from '../../../src/platform/mail/outbox-table.ts';
import { mailMigrations } from '../../../src/platform/mail/schema.ts';
import { createSmtpMailer } from '../../../src/platform/mail/smtp-mailer.ts';
import { migrate } from '../../../src/platform/postgres/migrate.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { eventually, keptLog } from '../../accounts/support.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { createTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let pool: pg.Pool;
let server: MailServer;
const open: MailOutbox[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  pool = createPool(database.connectionString, { max: 8, applicationName: 'tests', onError: () => {} });
  await migrate(pool, [{ part: 'mail', migrations: mailMigrations }]);
  server = await startMailServer({ disabledCommands: ['STARTTLS'] });
});
afterAll(async () => {
  await Promise.all(open.map((outbox) => outbox.close()));
  await server?.stop();
  await pool?.end();
  await database?.drop();
});
beforeEach(() => pool.query('truncate notifications.mail_outbox'));

const kind = 'told';
const person = randomUUID();
const mailFor = (sourceId: string): Mail => ({
  to: `${sourceId}@tasks.test`,
  subject: 'Told',
  text: 'Told',
  html: '<p>Told</p>',
  messageId: `${sourceId}@tasks.test`,
});
const render: RenderMail = async ({ sourceId }) => mailFor(sourceId);

function start(how = render, url = server.url) {
  const log = keptLog();
  const outbox = startMailOutbox({ pool, mailer: createSmtpMailer(url, 'tasktrail@tasks.test'), log, pollEvery: 50 });
  open.push(outbox);
  outbox.define(kind, how);
  outbox.run();
  return { outbox, log };
}

const queue = (sourceId: string = randomUUID(), userId: string | null = person) =>
  queueMail(databaseOn(pool), { kind, sourceId, userId }).then(() => sourceId);
const rows = async () =>
  (await pool.query('select source_id, outcome, attempts, error, due_at from notifications.mail_outbox order by id')).rows;
const outcomes = async () => (await rows()).map(({ outcome }) => outcome);
const settled = (expected: (string | null)[]) => eventually(outcomes, (found) => JSON.stringify(found) === JSON.stringify(expected));
const copiesOf = (sourceId: string) => server.arrived.filter(({ to }) => to === `${sourceId}@tasks.test`).length;

test('what is queued twice is sent once, also by several instances at once', async () => {
  const ids = await Promise.all(Array.from({ length: 30 }, () => queue()));
  await Promise.all(ids.map((id) => queue(id)));
  const [one, other] = [start(), start()];
  await settled(ids.map(() => 'sent'));
  expect(ids.map(copiesOf)).toEqual(ids.map(() => 1));
  await queue(ids[0]);
  one.outbox.wake();
  await queue(randomUUID(), null);
  await Promise.all([one.outbox.close(), other.outbox.close()]);
  expect(copiesOf(ids[0]!)).toBe(1);
});

test('what nobody is to be told any more is dropped, what is for later waits, and the kinds of others are left alone', async () => {
  const [dropped, later] = [await queue(), await queue()];
  await queueMail(databaseOn(pool), { kind: 'of the next release', sourceId: randomUUID(), userId: person });
  const { outbox } = start(async ({ sourceId }) => (sourceId === dropped ? null : new Date(Date.now() + 3_600_000)));
  await settled(['dropped', null, null]);
  await eventually(rows, ([, waiting]) => waiting.due_at.getTime() > Date.now() + 3_000_000);
  expect(copiesOf(later)).toBe(0);
  expect(await outbox.backlog()).toEqual({ waiting: 2, oldest: null, recipients: 0 });
  await outbox.close();
});

test('a server that is away costs one line of log, and nothing is lost: it is sent when the server is back', async () => {
  const away = await startMailServer({ disabledCommands: ['STARTTLS'] });
  await away.stop();
  const { outbox, log } = start(render, away.url);
  await queue();
  await queue();
  await eventually(rows, (found) => found.every(({ attempts, error }) => attempts > 0 && error?.includes('ECONNREFUSED')));
  expect(await outbox.backlog()).toMatchObject({ oldest: expect.any(Date), recipients: 1 });
  const back = await startMailServer({ disabledCommands: ['STARTTLS'] }, away.port);
  await settled(['sent', 'sent']);
  expect(back.arrived).toHaveLength(2);
  expect(log.lines.map(({ level }) => level)).toEqual(['error', 'info']);
  await outbox.close();
  await back.stop();
});

test('what is refused is given up, what is deferred or cannot be made is tried again, and neither keeps others waiting', async () => {
  server.answer.recipient = 550;
  const [refused, broken] = [await queue(), await queue()];
  const { outbox, log } = start(async (queued) => {
    if (queued.sourceId === broken) throw new Error('It cannot be made just now');
    if (queued.attempts > 5) throw new MailFailure('deferred', 'too often');
    return render(queued);
  });
  await settled(['refused', null]);
  server.answer.recipient = undefined;
  const fine = await queue();
  outbox.wake();
  await settled(['refused', null, 'sent']);
  const [first, second] = await rows();
  expect(first).toMatchObject({ source_id: refused, attempts: 1, error: expect.stringContaining('550') });
  expect(second).toMatchObject({ attempts: 1, error: 'it cannot be made' });
  expect(second.due_at.getTime()).toBeGreaterThan(Date.now() + 10_000);
  expect(copiesOf(fine)).toBe(1);
  expect(JSON.stringify(log.lines)).not.toContain('@tasks.test');
  await outbox.close();
});

test('a mail whose sender dies is sent by another, once the claim has run out', async () => {
  const id = await queue();
  let isHung = true;
  const hung = start(() => new Promise((resolve) => setTimeout(() => resolve(null), isHung ? 500 : 0).unref()));
  await eventually(rows, ([row]) => row.attempts === 1);
  isHung = false;
  const { outbox } = start();
  await pool.query(`update notifications.mail_outbox set due_at = now()`);
  await settled(['sent']);
  expect(copiesOf(id)).toBe(1);
  await Promise.all([outbox.close(), hung.outbox.close()]);
});
