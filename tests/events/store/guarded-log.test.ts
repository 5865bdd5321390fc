import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { loadConfig } from '../../../src/config.ts';
import { type Database, openDatabase } from '../../../src/database.ts';
import { createKeyVault, KeyDestroyed } from '../../../src/events/keys/key-vault.ts';
import { isLogGuarded } from '../../../src/events/store/postgres/guard-log.ts';
import { adoptLogId } from '../../../src/events/store/postgres/import-events.ts';
import { createPostgresEventStore } from '../../../src/events/store/postgres/postgres-event-store.ts';
import { eventLogMigrations } from '../../../src/events/store/postgres/schema.ts';
import { type Closing, createClosing } from '../../../src/platform/closing.ts';
import { migrate } from '../../../src/platform/postgres/migrate.ts';
import { keptLog } from '../../accounts/support.ts';
import { createTestDatabase } from '../../support/postgres.ts';

const masterKey = 'a master key for tests, long enough';
let directory: string;
let closing: Closing;
let database: Database;

const open = async () => {
  closing = createClosing(() => {});
  const config = loadConfig({ DATA_DIR: directory, ENVIRONMENT: 'test' });
  database = await openDatabase(config, keptLog(), closing, new AbortController().signal);
};
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-guarded-'));
  await open();
}, 60_000);
afterAll(async () => {
  await closing?.close();
  await rm(directory, { recursive: true, force: true });
});

test('of the embedded server the serving role can change and remove neither events nor keys, and says so', async () => {
  const { pool } = database;
  const store = await createPostgresEventStore({ connectionString: database.connectionString, log: () => {} });
  const vault = createKeyVault(pool, masterKey);
  const event = { id: randomUUID(), type: 'Tested', metadata: Buffer.from('{}'), data: Buffer.from('{}') };
  const { wrapped } = vault.create('task-1');
  await store.append({ stream: 'task-1', expectedRevision: 'no_stream', events: [event], newKeys: [wrapped] });
  await store.close();
  for (const forbidden of [
    `update event_log.events set data = ''`,
    'delete from event_log.events',
    'truncate event_log.events',
    `update event_log.data_keys set wrapped = ''`,
    'delete from event_log.data_keys',
    'update event_log.log set log_id = gen_random_uuid()',
    'delete from event_log.installation',
  ])
    await expect(pool.query(forbidden)).rejects.toThrow(/permission denied/);
  expect(await isLogGuarded(pool)).toBe(true);
});

test('keys are destroyed all the same, each with the person for whom; a log without events takes over another id', async () => {
  const { pool } = database;
  const vault = createKeyVault(pool, masterKey);
  const personId = randomUUID();
  const { id } = await vault.ofPerson(`user-${personId}`);
  await vault.destroyOfPerson(personId);
  await expect(vault.ofPerson(`user-${personId}`)).rejects.toThrow(KeyDestroyed);
  const { rows } = await pool.query('select wrapped, destroyed_for from event_log.data_keys where id = $1', [id]);
  expect(rows).toEqual([{ wrapped: Buffer.alloc(0), destroyed_for: personId }]);
  await adoptLogId(pool, randomUUID());
});

test('a later start finds it so, and its migrations run as the owner of the log', async () => {
  await closing.close();
  await open();
  await migrate(database.pool, [
    { part: 'event_log', migrations: [...eventLogMigrations, { name: 'later', sql: 'create table event_log.later ()' }] },
  ]);
  const { rows } = await database.pool.query(
    `select relowner::regrole::text as owner from pg_class where oid = 'event_log.later'::regclass`,
  );
  expect(rows).toEqual([{ owner: 'tasktrail_log' }]);
  await database.pool.query('select from event_log.later');
  expect(await isLogGuarded(database.pool)).toBe(true);
}, 60_000);

test('a server whose role may do everything is found so', async () => {
  const other = await createTestDatabase();
  const closingOther = createClosing(() => {});
  const config = loadConfig({ DATA_DIR: directory, ENVIRONMENT: 'test', DATABASE_URL: other.connectionString });
  const { pool } = await openDatabase(config, keptLog(), closingOther, new AbortController().signal);
  expect(await isLogGuarded(pool)).toBe(false);
  await closingOther.close();
  await other.drop();
});
