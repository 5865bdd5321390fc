import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { databaseOn } from '../../src/accounts/database.ts';
import { type DueSoonParts, tellDueSoon } from '../../src/notifications/due-soon.ts';
import { notificationMigrations } from '../../src/notifications/schema.ts';
import { mailMigrations } from '../../src/platform/mail/schema.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { ann, aTask, bob, cid, people, root } from '../queries/given-tasks.ts';
import { openReadSide, type ReadSide } from '../queries/read-side.ts';

let side: ReadSide;

/** Ann lives in Berlin, Bob in New York, Cid in Kolkata; Root's account is disabled. Cid has not verified the address. */
beforeAll(async () => {
  side = await openReadSide();
  await migrate(side.pool, [
    { part: 'mail', migrations: mailMigrations },
    { part: 'notifications', migrations: notificationMigrations },
  ]);
  await side.people(people);
  await side.pool.query(
    `update accounts.users set email_verified = id <> $1 and erased_at is null, is_active = is_active and id <> $2,
       timezone = coalesce(($3::json)->>(id::text), 'UTC')`,
    [cid, root, JSON.stringify({ [ann]: 'Europe/Berlin', [bob]: 'America/New_York', [cid]: 'Asia/Kolkata' })],
  );
});
afterAll(() => side?.close());
beforeEach(async () => {
  await side.clear();
  await side.pool.query('truncate notifications.inbox, notifications.mail_outbox, notifications.due_days');
});

function parts(now: string, more: Partial<DueSoonParts> = {}): DueSoonParts {
  return {
    database: databaseOn(side.pool),
    dueTasks: side.queries.dueTasks,
    tasksFollow: async () => {},
    onQueued: () => {},
    clock: () => new Date(now),
    ...more,
  };
}
const tell = (now: string, more: Partial<DueSoonParts> = {}) => tellDueSoon(parts(now, more), new AbortController().signal);
const names: Record<string, string> = { [ann]: 'ann', [bob]: 'bob', [cid]: 'cid', [root]: 'root' };
/** Who was told of which task, and how many mails there are to whom. */
async function told(): Promise<{ inbox: string[]; mails: string[] }> {
  const { rows: inbox } = await side.pool.query(
    `select user_id, task_id, details->>'due_date' as due from notifications.inbox where kind = 'task_due_soon' order by user_id, due, task_id`,
  );
  const { rows: mails } = await side.pool.query('select user_id, about from notifications.mail_outbox order by user_id, id');
  return {
    inbox: inbox.map(({ user_id, task_id, due }) => `${names[user_id]}: task ${Number.parseInt(task_id.slice(-4), 16)} due ${due}`),
    mails: mails.map(({ user_id, about }) => `${names[user_id]}: ${about.day}`),
  };
}

test('at eight in the morning of their own, people are told what is due that day or the next and still open', async () => {
  await side.tasks([
    aTask(1, { due_date: '2026-06-09' }),
    aTask(2, { due_date: '2026-06-10' }),
    aTask(3, { due_date: '2026-06-11', status: 'blocked' }),
    aTask(4, { due_date: '2026-06-12' }),
    aTask(5, { due_date: '2026-06-10', status: 'done' }),
    aTask(6, { due_date: '2026-06-10', status: 'cancelled' }),
    aTask(7, { due_date: '2026-06-10', deleted_at: '2026-06-01T00:00:00.000Z' }),
    aTask(8, { due_date: '2026-06-10', shares: { [cid]: 'edit' }, assignee_id: bob }),
    aTask(9, { due_date: '2026-06-10', owner_id: root, assignee_id: cid }),
    aTask(10),
  ]);
  // In New York, it is the evening of the ninth.
  await tell('2026-06-10T02:29:59.999Z');
  const before = { inbox: ['bob: task 8 due 2026-06-10'], mails: ['bob: 2026-06-09'] };
  expect(await told()).toEqual(before);
  await tell('2026-06-10T02:30:00.000Z');
  const cids = [...before.inbox, 'cid: task 9 due 2026-06-10'];
  expect(await told()).toEqual({ ...before, inbox: cids });
  await tell('2026-06-10T05:59:00Z');
  expect(await told()).toEqual({ ...before, inbox: cids });
  await tell('2026-06-10T06:00:00Z');
  const anns = ['ann: task 2 due 2026-06-10', 'ann: task 8 due 2026-06-10', 'ann: task 3 due 2026-06-11'];
  expect(await told()).toEqual({ inbox: [...anns, ...cids], mails: ['ann: 2026-06-10', ...before.mails] });
  await tell('2026-06-10T12:00:00Z');
  expect(await told()).toEqual({
    inbox: [...anns, 'bob: task 8 due 2026-06-10', ...cids],
    mails: ['ann: 2026-06-10', ...before.mails, 'bob: 2026-06-10'],
  });
});

test('each day once, by whichever of several, and later that day where nobody could in time', async () => {
  await side.tasks([aTask(1, { due_date: '2026-06-11' }), aTask(2, { due_date: '2026-06-11', owner_id: bob })]);
  await expect(tell('2026-06-10T19:00:00Z', { tasksFollow: () => Promise.reject(new Error('behind')) })).rejects.toThrow('behind');
  expect((await told()).inbox).toEqual([]);
  await Promise.all(['2026-06-10T19:00:00Z', '2026-06-10T19:00:01Z', '2026-06-10T19:00:02Z'].map((now) => tell(now)));
  const first = { inbox: ['ann: task 1 due 2026-06-11', 'bob: task 2 due 2026-06-11'], mails: ['ann: 2026-06-10', 'bob: 2026-06-10'] };
  expect(await told()).toEqual(first);
  await side.tasks([aTask(3, { due_date: '2026-06-10' })]);
  await tell('2026-06-10T21:59:00Z');
  expect(await told()).toEqual(first);
  await tell('2026-06-11T05:59:00Z');
  expect(await told()).toEqual(first);
  await tell('2026-06-11T06:00:00Z');
  expect((await told()).inbox).toEqual(['ann: task 1 due 2026-06-11', 'ann: task 1 due 2026-06-11', 'bob: task 2 due 2026-06-11']);
  expect((await told()).mails).toEqual(['ann: 2026-06-10', 'ann: 2026-06-11', 'bob: 2026-06-10']);
});

test('a row for each task, person and day holds also where the day was forgotten', async () => {
  await side.tasks([aTask(1, { due_date: '2026-06-11' })]);
  await tell('2026-06-10T06:00:00Z');
  await side.pool.query('truncate notifications.due_days');
  await tell('2026-06-10T07:00:00Z');
  expect(await told()).toEqual({ inbox: ['ann: task 1 due 2026-06-11'], mails: ['ann: 2026-06-10'] });
});

test.each([
  // In Berlin the clocks were put forward on 2026-03-29 and back on 2026-10-25, at night.
  ['before summer time', '2026-03-28', '2026-03-28T06:59:00Z', '2026-03-28T07:00:00Z'],
  ['on the day it begins', '2026-03-29', '2026-03-29T05:59:00Z', '2026-03-29T06:00:00Z'],
  ['on the day it ends', '2026-10-25', '2026-10-25T06:59:00Z', '2026-10-25T07:00:00Z'],
])('%s, eight is eight', async (_, due, early, late) => {
  await side.tasks([aTask(1, { due_date: due })]);
  await tell(early);
  expect((await told()).inbox).toEqual([]);
  await tell(late);
  expect((await told()).inbox).toEqual([`ann: task 1 due ${due}`]);
});

test('somebody who travels back over the date line is not told of a day again', async () => {
  await side.pool.query('update accounts.users set timezone = $2 where id = $1', [ann, 'Pacific/Auckland']);
  await side.tasks([aTask(1, { due_date: '2026-06-11' })]);
  await tell('2026-06-10T20:00:00Z');
  await side.pool.query('update accounts.users set timezone = $2 where id = $1', [ann, 'Pacific/Honolulu']);
  await tell('2026-06-10T20:30:00Z');
  await tell('2026-06-11T17:59:00Z');
  expect((await told()).mails).toEqual(['ann: 2026-06-11']);
  await side.pool.query('update accounts.users set timezone = $2 where id = $1', [ann, 'Europe/Berlin']);
});
