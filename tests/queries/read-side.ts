import type pg from 'pg';
import { accountMigrations } from '../../src/accounts/schema.ts';
import type { RecordedEvent } from '../../src/events/recorded-event.ts';
import { migrate } from '../../src/platform/postgres/migrate.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { textMigrations } from '../../src/platform/text/schema.ts';
import { activity } from '../../src/projections/activity/activity.ts';
import type { ActivityRow } from '../../src/projections/activity/schema.ts';
import { history } from '../../src/projections/history/history.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import type { CommentRow, TaskRow } from '../../src/projections/listing/schema.ts';
import { accessRows, counts } from '../../src/projections/listing/standing.ts';
import { writeRows } from '../../src/projections/projection.ts';
import { waiting } from '../../src/projections/projection-client.ts';
import { createQueries, type Queries } from '../../src/queries/queries.ts';
import { createTestDatabase } from '../support/postgres.ts';

/** Read models with hand-made rows, in a database of their own. */
export interface ReadSide {
  pool: pg.Pool;
  queries: Queries;
  /** All statements that were sent to the database, in order. */
  statements: Statement[];
  people(people: readonly TestPerson[]): Promise<void>;
  /** Puts tasks in, with all that hangs on them. */
  tasks(rows: readonly TaskRow[]): Promise<void>;
  comments(rows: readonly CommentRow[]): Promise<void>;
  activities(rows: readonly ActivityRow[]): Promise<void>;
  /** Lets the listing and the history be told of these events. */
  happened(events: readonly RecordedEvent[]): Promise<void>;
  /** Takes all tasks, comments and activities out. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface Statement {
  text: string;
  values: unknown[];
  name?: string;
}

export interface TestPerson {
  id: string;
  username: string;
  full_name: string;
  erased?: boolean;
}

export const schemas = { listing: () => 'listing_v1', activity: () => 'activity_v1', history: () => 'history_v1', feed: () => 'feed_v1' };

export async function openReadSide({ poolMax = 4 } = {}): Promise<ReadSide> {
  const database = await createTestDatabase();
  const statements: Statement[] = [];
  const pool = createPool(database.connectionString, { max: poolMax, applicationName: 'read side', onError: () => {} });
  pool.on('connect', (client) => recordStatements(client, statements));
  await migrate(pool, [
    { part: 'texts', migrations: textMigrations },
    { part: 'accounts', migrations: accountMigrations },
  ]);
  await pool.query(`create schema listing_v1; set search_path = listing_v1; ${listing.tables} ${listing.indexes};
    create schema activity_v1; set search_path = activity_v1; ${activity.tables} ${activity.indexes};
    create schema history_v1; set search_path = history_v1; ${history.tables} ${history.indexes}; reset search_path`);
  const inSchema = async (schema: string, work: (client: pg.PoolClient) => Promise<void>) => {
    const client = await pool.connect();
    await client.query(`set search_path = ${schema}`);
    await work(client).finally(() => client.release(true));
  };
  return {
    pool,
    statements,
    queries: createQueries({ pool, schemas }),
    people: (people) => writePeople(pool, people),
    tasks: (rows) => inSchema('listing_v1', (client) => writeTasks(client, rows)),
    comments: (rows) => inSchema('listing_v1', (client) => write(client, 'comments', rows)),
    activities: (rows) => inSchema('activity_v1', (client) => write(client, 'activity', rows)),
    async happened(events) {
      await inSchema('listing_v1', (client) => listing.apply(events, waiting(client)));
      await inSchema('history_v1', (client) => history.apply(events, waiting(client)));
    },
    async clear() {
      await pool.query('truncate history_v1.versions, history_v1.comment_versions, history_v1.moments');
      await pool.query(
        `truncate listing_v1.tasks, listing_v1.last_changes, listing_v1.task_states, listing_v1.access, listing_v1.counters,
          listing_v1.presence, listing_v1.comments, activity_v1.activity`,
      );
    },
    async close() {
      await pool.end();
      await database.drop();
    },
  };
}

function recordStatements(client: pg.ClientBase, statements: Statement[]): void {
  const query = client.query.bind(client) as (...args: unknown[]) => unknown;
  const recording = (...args: unknown[]) => {
    const [statement] = args as [string | Statement];
    const {
      text,
      values = [],
      name,
    } = typeof statement === 'string' ? { text: statement } : (statement as Partial<Statement> & { text: string });
    statements.push({ text, values, ...(name !== undefined && { name }) });
    return query(...args);
  };
  client.query = recording as typeof client.query;
}

async function writePeople(pool: pg.Pool, people: readonly TestPerson[]): Promise<void> {
  for (const { id, username, full_name, erased = false } of people) {
    await pool.query(
      `insert into accounts.users (id, email, username, full_name, password_hash, role, is_active, created_at, erased_at, log_revision)
       values ($1, $2, $3, $4, $5, 'user', $6, now(), $7, 0)`,
      erased ? [id, null, null, null, null, false, new Date()] : [id, `${username}@tasks.test`, username, full_name, 'x', true, null],
    );
  }
}

async function writeTasks(client: pg.PoolClient, rows: readonly TaskRow[]): Promise<void> {
  const access = rows.flatMap(accessRows);
  const counters = new Map<string, ReturnType<typeof counts>[number]>();
  for (const count of rows.flatMap(counts)) {
    const key = `${count.user_id} ${count.mask} ${count.facet} ${count.key}`;
    counters.set(key, { ...count, n: count.n + (counters.get(key)?.n ?? 0) });
  }
  await write(
    client,
    'tasks',
    rows.map((row, n) => ({ ...row, position: n })),
  );
  await client.query('insert into last_changes select id, updated_at, position from tasks on conflict do nothing');
  await client.query('insert into task_states select id, status, completed_at from tasks on conflict do nothing');
  await write(client, 'access', access);
  await write(
    client,
    'counters',
    [...counters.values()],
    'on conflict (user_id, facet, mask, key) do update set n = counters.n + excluded.n',
  );
}

async function write<Row extends object>(client: pg.PoolClient, table: string, rows: readonly Row[], onConflict = ''): Promise<void> {
  if (rows.length === 0) return;
  await writeRows(waiting(client), table, Object.keys(rows[0]!) as (keyof Row & string)[], rows, onConflict);
}
