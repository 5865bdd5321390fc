import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { decodeEvents } from '../../src/events/codec.ts';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import { type RecordedTaskEvent, toFact } from '../../src/events/recorded-event.ts';
import { BEGINNING } from '../../src/events/store/event-store.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { evolve, type Task } from '../../src/events/task/task.ts';
import { MAX_MAILS_TO_RECIPIENT } from '../../src/notifications/mail-limits.ts';
import { noticesOf } from '../../src/notifications/notices.ts';
import { eventually } from '../accounts/support.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { keys } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';
import { runTool } from '../tools/run-tool.ts';

let directory: string;
let database: TestDatabase;
let server: MailServer;
let pool: pg.Pool;
let service: ServiceProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-told-'));
  database = await createTestDatabase();
  server = await startMailServer({ disabledCommands: ['STARTTLS'] });
  pool = new pg.Pool({ connectionString: database.connectionString, max: 2 });
});
afterEach(async () => {
  await service?.end('SIGTERM');
  await pool?.end();
  await server?.stop();
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
});

/** Which notifications the log as it is calls for (the event, the person and the kind), and the mails by the pair of actor and recipient. */
async function due(): Promise<{ inbox: string[]; mails: Map<string, string[]> }> {
  const store = await createPostgresEventStore({ connectionString: database.connectionString, log: () => {} });
  const stored = await store.readAll({ after: BEGINNING, limit: 100_000 }).finally(() => store.close());
  const tasks = new Map<string, Task | null>();
  const notices = (await decodeEvents(stored, createKeyVault(pool, keys.MASTER_KEY!))).flatMap((event) => {
    if (event.stream.startsWith('task-'))
      tasks.set(event.stream, evolve(tasks.get(event.stream) ?? null, toFact(event as RecordedTaskEvent)));
    return noticesOf(event, tasks.get(event.stream) ?? null).map((notice) => ({ ...notice, metadata: event.metadata }));
  });
  const inbox: string[] = [];
  const mails = new Map<string, string[]>();
  for (const { metadata, userId, kind, ways } of notices) {
    const row = `${metadata.event_id} ${userId} ${kind}`;
    const pair = `${metadata.actor.kind === 'system' ? '' : metadata.actor.id} ${userId}`;
    if ((ways as readonly string[]).includes('inbox')) inbox.push(row);
    if ((ways as readonly string[]).includes('mail')) mails.set(pair, [...(mails.get(pair) ?? []), row]);
  }
  return { inbox: inbox.sort(), mails };
}

async function rows(table: string, condition = 'true'): Promise<string[]> {
  const { rows } = await pool.query(
    `select source_id, user_id, kind from notifications.${table} where kind <> 'task_due_soon' and ${condition}`,
  );
  return rows.map(({ source_id, user_id, kind }) => `${source_id} ${user_id} ${kind}`).sort();
}

const checkpoint = `select from subscribers.checkpoints where name = 'notifications'`;

test('notifies once of what was written in the meantime, however often the service is killed', async () => {
  const environment = {
    ...keys,
    DATA_DIR: directory,
    DATABASE_URL: database.connectionString,
    SMTP_URL: server.url,
    ADMIN_EMAIL: 'admin@tasks.test',
    ADMIN_USERNAME: 'admin',
    ADMIN_PASSWORD: 'Adm1nistrator',
  };
  service = await startServiceProcess(environment);
  await eventually(
    async () => (await pool.query(checkpoint)).rowCount,
    (n) => n === 1,
    30_000,
  );
  await service.end('SIGTERM');
  expect(await runTool('seed', [], environment)).toMatchObject({ code: 0 });
  await pool.query('update accounts.users set email_verified = true');
  // For mails there is no hour of the day.
  await pool.query(`insert into notifications.preferences (user_id, task_completed) select id, true from accounts.users`);
  const expected = await due();
  expect(expected.inbox.length).toBeGreaterThan(100);

  // While it handles events, and then while mails are sent.
  const isHandling = async () => (await pool.query(`${checkpoint} and attempted is not null`)).rowCount === 1;
  const isSending = async () => server.arrived.length > sentBefore;
  let sentBefore = 0;
  const moments = [isHandling, isHandling, isSending, isSending];
  for (const isIt of moments) {
    sentBefore = server.arrived.length;
    service = await startServiceProcess(environment);
    await eventually(isIt, (so) => so, 60_000);
    await service.end('SIGKILL');
  }
  service = await startServiceProcess(environment);
  await eventually(
    async () => (await rows('inbox')).length,
    (n) => n >= expected.inbox.length,
    30_000,
  );
  // What was under way at a kill is otherwise left to that one for a minute and a half.
  await pool.query('update notifications.mail_outbox set due_at = now() where outcome is null');
  await eventually(
    async () => (await pool.query(`select from notifications.mail_outbox where outcome is null`)).rowCount,
    (n) => n === 0,
    120_000,
  );
  expect(await rows('inbox')).toEqual(expected.inbox);
  // An actor causes so many mails an hour to one recipient. The hour counts no mail that was dropped, so one more may have followed it.
  const queued = new Set(await rows('mail_outbox'));
  const dropped = new Set(await rows('mail_outbox', `outcome = 'dropped'`));
  expect([...expected.mails.values()].flat()).toEqual(expect.arrayContaining([...queued]));
  for (const due of expected.mails.values()) {
    const ofPair = due.filter((mail) => queued.has(mail));
    expect(ofPair.length).toBeGreaterThanOrEqual(Math.min(due.length, MAX_MAILS_TO_RECIPIENT));
    expect(ofPair.filter((mail) => !dropped.has(mail)).length).toBeLessThanOrEqual(MAX_MAILS_TO_RECIPIENT);
  }
  const ids = server.arrived.map(({ mail, to }) => `${mail.messageId} ${to}`);
  const twice = ids.length - new Set(ids).size;
  // Only what was under way at a kill may come twice, with the same id.
  expect(twice).toBeLessThanOrEqual(3 * moments.length);
  const sent = (
    await pool.query(`select count(*)::int as n from notifications.mail_outbox where outcome = 'sent' and kind <> 'task_due_soon'`)
  ).rows[0].n;
  expect(sent).toBeGreaterThan(20);
  console.info(
    `${expected.inbox.length} notifications and ${queued.size} mails (${sent} sent) over ${moments.length} kills; ${twice} mails twice`,
  );
}, 300_000);
