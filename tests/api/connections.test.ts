import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { maxConnections } from '../../src/platform/postgres/connection-budget.ts';
import { allProjections } from '../../src/projections/all-projections.ts';
import { eventually } from '../support/eventually.ts';
import { created } from '../support/happenings.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startTestService, type TestService } from '../support/service.ts';
import { openBesideLog } from '../support/written-tasks.ts';

jest.setTimeout(60_000);

const dedicated = { readModels: allProjections.length, subscribers: 2, hasLog: process.env.TEST_STORE !== 'eventstoredb' };

async function connectionsOf(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(
    `select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name like 'tasktrail%'`,
  );
  return rows[0].n;
}

describe('rebuilds in a row', () => {
  let service: TestService;
  let pool: pg.Pool;
  beforeAll(async () => {
    service = await startTestService();
    pool = new pg.Pool({ connectionString: service.connectionString, max: 1 });
  });
  afterAll(async () => {
    await pool?.end();
    await service?.stop();
  });

  test('look keys up that this instance has never seen, as all that follows the log does, without the connections of commands', async () => {
    const log = await openBesideLog(service);
    try {
      const taskId = randomUUID();
      await log.write([{ taskId, happenings: [created()] }]);
      const lookedUpBy = async () => {
        const { rows } = await pool.query<{ name: string }>(
          `select distinct application_name as name from pg_stat_activity where query like '%from event_log.data_keys where id = any%'
             and datname = current_database() and pid <> pg_backend_pid() and application_name like 'tasktrail%'`,
        );
        return rows.map(({ name }) => name);
      };
      expect(await eventually(lookedUpBy, (names) => names.length > 0)).toEqual(['tasktrail background']);
    } finally {
      await log.close();
    }
  });

  test('are refused while two former generations are kept, fail no command and stay within the counted connections', async () => {
    const [admin, ann] = [await service.admin(), await service.someone('ann')];
    let isOver = false;
    let highest = 0;
    const statuses: number[] = [];
    const writing = (async () => {
      for (let n = 0; !isOver; n++) statuses.push((await ann.post('/tasks', { title: `Task ${n}` })).status);
    })();
    const outcomes: string[] = [];
    for (let n = 0; n < 40; n++) {
      const { status, body } = await admin.post('/admin/projections/activity/rebuild');
      outcomes.push(status === 202 ? 'begun' : body.error.code);
      highest = Math.max(highest, await connectionsOf(pool));
      await pause(100);
    }
    isOver = true;
    await writing;
    expect(new Set(statuses)).toEqual(new Set([201]));
    expect(outcomes.filter((outcome) => outcome === 'begun')).toHaveLength(2);
    expect(outcomes.at(-1)).toBe('LIMIT_REACHED');
    expect(highest).toBeLessThanOrEqual(maxConnections(5, dedicated));
  });
});

describe('a DATABASE_POOL_MAX that does not fit the server', () => {
  let database: TestDatabase;
  let service: TestService;
  beforeAll(async () => {
    database = await createTestDatabase();
    const owner = new pg.Client({ connectionString: database.connectionString });
    await owner.connect();
    await owner.query(`do $$ begin execute format('alter database %I connection limit 80', current_database()); end $$`);
    await owner.end();
    service = await startTestService({ DATABASE_URL: database.connectionString, DATABASE_POOL_MAX: '40' });
  });
  afterAll(async () => {
    await service?.stop();
    await database?.drop();
  });

  test('is reported at the start, and the pools are made to fit', async () => {
    const line = service.log.find((entry) => entry.includes('DATABASE_POOL_MAX=40 does not fit'));
    const fitting = Number(/It goes on with (\d+)/.exec(line!)![1]);
    expect(maxConnections(fitting, dedicated)).toBeLessThanOrEqual(70);
    expect(maxConnections(fitting + 1, dedicated)).toBeGreaterThan(70);
    const exposition = (await service.anonymous.send('GET', '/metrics')).text;
    expect(exposition).toContain(`tasktrail_database_connections_max{pool="reads"} ${fitting}`);
  });
});

test('the embedded server has room for every part in use, and ten more', () => {
  expect(maxConnections(10, { readModels: allProjections.length, subscribers: 3, hasLog: true })).toBeLessThanOrEqual(100 - 3 - 10);
});
