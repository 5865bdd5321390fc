import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { eventually } from '../support/eventually.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { adminAccount, type Client, createClient } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';

const asAdmin = { ADMIN_EMAIL: adminAccount.email, ADMIN_USERNAME: adminAccount.username, ADMIN_PASSWORD: adminAccount.password };
const limit = 'mails that one user causes are counted';

let testDatabase: TestDatabase;
let database: pg.Client;
let instances: Weakened[];
/** Ann, on each of the two instances. */
let ann: Client[];
let people = 0;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const sameStores = {
    DATABASE_URL: testDatabase.connectionString,
    ...asAdmin,
    RATE_LIMIT_PER_MINUTE: '0',
    RATE_LIMIT_USER_PER_MINUTE: '0',
  };
  const first = await startWeakened({ sameStores });
  instances = [first, await startWeakened({ sameStores })];
  database = new pg.Client(testDatabase.connectionString);
  await database.connect();
  const one = await someone('ann');
  ann = instances.map(({ url }) => ({ ...createClient(url, one.token), id: one.id, username: one.username }));
}, 60_000);
afterAll(async () => {
  await database?.end();
  await Promise.all((instances ?? []).map((instance) => instance.stop()));
  await testDatabase?.drop();
});

async function someone(name = `person-${people++}`): Promise<Client> {
  const anonymous = createClient(instances[0]!.url);
  const reply = await anonymous.post('/auth/register', { email: `${name}@tasks.test`, username: name, password: 'Passw0rd-of-mine' });
  await database.query('update accounts.users set email_verified = true where id = $1', [reply.body.user.id]);
  return { ...createClient(instances[0]!.url, reply.body.access_token), id: reply.body.user.id, username: name };
}
const inboxOf = async ({ id }: Client) => (await database.query('select from notifications.inbox where user_id = $1', [id])).rowCount!;
const mailsTo = async ({ id }: Client) =>
  (await database.query('select from notifications.mail_outbox where user_id = $1', [id])).rowCount!;
const told = (person: Client, count: number) =>
  eventually(
    () => inboxOf(person),
    (found) => found === count,
  );
/** Ann gives somebody so many tasks, on the two instances in turn. */
const assign = async (person: Client, count: number) => {
  for (let n = 0; n < count; n++) {
    const made = await ann[n % 2]!.post('/tasks', { title: `Look at this ${n}`, assignee_id: person.id });
    expect(made.status).toBe(201);
  }
};
const anHourLater = () => database.query(`update notifications.mail_outbox set queued_at = queued_at - interval '61 minutes'`);

test('the actions of one user cause ten mails an hour to one recipient, over two instances; the inbox has them all', async () => {
  const bob = await someone();
  await assign(bob, 12);
  await told(bob, 12);
  expect(await mailsTo(bob)).toBe(10);
  // Those of another user are counted apart.
  const eve = await someone();
  await eve.post('/tasks', { title: 'From Eve', assignee_id: bob.id });
  await told(bob, 13);
  expect(await mailsTo(bob)).toBe(11);

  await anHourLater();
  await assign(bob, 1);
  await told(bob, 14);
  expect(await mailsTo(bob)).toBe(12);

  for (const instance of instances) await instance.without(limit);
  await assign(bob, 12);
  await told(bob, 26);
  expect(await mailsTo(bob)).toBe(24);
  for (const instance of instances) await instance.without();
}, 60_000);

test('a bulk command obeys the same limits, and a hundred mails in all are an hour’s', async () => {
  await anHourLater();
  const { id } = await ann[0]!.post('/tasks', { title: 'One of many' }).then(({ body }) => body);
  const ids = [id];
  for (let n = 0; n < 24; n++) ids.push((await ann[0]!.post('/tasks', { title: `One of many ${n}` })).body.id);
  const bob = await someone();
  const bulk = await ann[0]!.patch('/tasks/bulk', { task_ids: ids, updates: { assignee_id: bob.id } });
  expect([bulk.status, bulk.body.error]).toEqual([200, undefined]);
  await told(bob, 25);
  expect(await mailsTo(bob)).toBe(10);

  await database.query(
    `insert into notifications.mail_outbox (kind, source_id, user_id, caused_by, outcome, settled_at)
     select 'task_assigned_to_me', gen_random_uuid(), gen_random_uuid(), $1, 'sent', now() from generate_series(1, 88)`,
    [ann[0]!.id],
  );
  const others = [await someone(), await someone(), await someone()];
  for (const other of others) {
    await assign(other, 1);
    await told(other, 1);
  }
  expect(await Promise.all(others.map(mailsTo))).toEqual([1, 1, 0]);
  // What concerns the account itself is not counted.
  await others[2]!.post('/auth/tokens', { name: 'mine', scopes: ['tasks:read'] });
  await eventually(
    () => mailsTo(others[2]!),
    (count) => count === 1,
  );
}, 60_000);
