import { createSecretKey, randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express, { type NextFunction, type Request, type Response } from 'express';
import { jwtVerify } from 'jose';
import pg from 'pg';
import { z } from 'zod';

// What a team would write instead of an event-sourced service: a table of tasks, and beside each change a row that says what it was, in
// the same transaction. Prepared statements, indexes for what is asked, tokens verified, bodies validated; no log, no rate limit, no
// idempotency, nothing sealed.

const schema = `
create table if not exists crud_tasks (
  id uuid primary key,
  owner_id uuid not null,
  title text not null,
  description text not null,
  status text not null,
  priority text not null,
  tags text[] not null,
  due_date date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz
);
create index if not exists crud_tasks_of_owner on crud_tasks (owner_id, created_at desc, id desc) where deleted_at is null;
create table if not exists crud_audit (
  id bigint generated always as identity primary key,
  task_id uuid not null,
  actor_id uuid not null,
  action text not null,
  old_values jsonb,
  new_values jsonb,
  at timestamptz not null default now()
);
create index if not exists crud_audit_of_task on crud_audit (task_id, id);`;

const statuses = ['todo', 'in_progress', 'in_review', 'blocked', 'done', 'cancelled'] as const;
type Status = (typeof statuses)[number];
const transitions: Record<Status, readonly Status[]> = {
  todo: ['in_progress', 'blocked', 'done', 'cancelled'],
  in_progress: ['todo', 'in_review', 'blocked', 'done', 'cancelled'],
  in_review: ['in_progress', 'done', 'cancelled'],
  blocked: ['todo', 'in_progress', 'cancelled'],
  done: ['todo'],
  cancelled: ['todo'],
};

const fields = {
  title: z.string().trim().min(1).max(255),
  description: z.string().max(5000),
  priority: z.enum(['low', 'medium', 'high', 'urgent']),
  tags: z.array(z.string().trim().toLowerCase().min(1).max(50)).max(20),
  due_date: z.iso.date().nullable(),
};
const NewTask = z.strictObject({ ...z.object(fields).partial().shape, title: fields.title });
const Patch = z.strictObject(fields).partial();
const Transition = z.strictObject({ target_status: z.enum(statuses) });
const Page = z.strictObject({
  page: z.coerce.number().int().min(1).default(1),
  per_page: z.coerce.number().int().min(1).max(100).default(20),
});

interface Task {
  id: string;
  status: Status;
  [column: string]: unknown;
}

class HttpError extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

// Dates without a time stay the text that they are.
pg.types.setTypeParser(pg.types.builtins.DATE, (text) => text);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
await pool.query(schema);
const key = createSecretKey(process.env.JWT_SECRET!, 'utf8');

async function query<T>(on: pg.Pool | pg.PoolClient, name: string, text: string, values: unknown[]): Promise<T[]> {
  return (await on.query({ name, text, values })).rows as T[];
}

async function transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

function audit(client: pg.PoolClient, taskId: string, actorId: string, action: string, before: unknown, after: unknown): Promise<unknown> {
  const text = 'insert into crud_audit (task_id, actor_id, action, old_values, new_values) values ($1, $2, $3, $4, $5)';
  return query(client, 'audit', text, [taskId, actorId, action, before && JSON.stringify(before), after && JSON.stringify(after)]);
}

async function lockTask(client: pg.PoolClient, id: string, owner: string): Promise<Task> {
  const text = 'select * from crud_tasks where id = $1 and owner_id = $2 and deleted_at is null for update';
  const [task] = await query<Task>(client, 'lock', text, [id, owner]);
  if (!task) throw new HttpError(404, 'TASK_NOT_FOUND');
  return task;
}

const app = express().set('env', 'production').disable('x-powered-by').disable('etag');
app.use(express.json());
app.use(async (request, response, next) => {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (!token) throw new HttpError(401, 'NOT_AUTHENTICATED');
  const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'] }).catch(() => {
    throw new HttpError(401, 'TOKEN_INVALID');
  });
  response.locals.user = payload.sub;
  next();
});

app.post('/tasks', async (request, response) => {
  const { title, description = '', priority = 'medium', tags = [], due_date = null } = NewTask.parse(request.body);
  const owner = response.locals.user;
  const created = await transaction(async (client) => {
    const [task] = await query<Task>(
      client,
      'create',
      `insert into crud_tasks (id, owner_id, title, description, status, priority, tags, due_date)
       values ($1, $2, $3, $4, 'todo', $5, $6, $7) returning *`,
      [randomUUID(), owner, title, description, priority, tags, due_date],
    );
    await audit(client, task!.id, owner, 'created', null, task);
    return task!;
  });
  response.status(201).location(`/tasks/${created.id}`).json(created);
});

app.get('/tasks', async (request, response) => {
  const { page, per_page } = Page.parse(request.query);
  const owner = response.locals.user;
  const [items, counted] = await Promise.all([
    query<Task>(
      pool,
      'list',
      'select * from crud_tasks where owner_id = $1 and deleted_at is null order by created_at desc, id desc limit $2 offset $3',
      [owner, per_page, (page - 1) * per_page],
    ),
    query<{ total: number }>(
      pool,
      'count',
      'select count(*)::integer as total from crud_tasks where owner_id = $1 and deleted_at is null',
      [owner],
    ),
  ]);
  const { total } = counted[0]!;
  response.json({ items, total, page, per_page, pages: Math.ceil(total / per_page) });
});

app.get('/tasks/:id', async (request, response) => {
  const text = 'select * from crud_tasks where id = $1 and owner_id = $2 and deleted_at is null';
  const [task] = await query<Task>(pool, 'read', text, [request.params.id, response.locals.user]);
  if (!task) throw new HttpError(404, 'TASK_NOT_FOUND');
  response.json(task);
});

app.patch('/tasks/:id', async (request, response) => {
  const patch = Patch.parse(request.body);
  const owner = response.locals.user;
  const changed = await transaction(async (client) => {
    const before = await lockTask(client, request.params.id, owner);
    const after = { ...before, ...patch };
    const [task] = await query<Task>(
      client,
      'update',
      `update crud_tasks set title = $2, description = $3, priority = $4, tags = $5, due_date = $6, updated_at = now()
       where id = $1 returning *`,
      [before.id, after.title, after.description, after.priority, after.tags, after.due_date],
    );
    const old = Object.fromEntries(Object.keys(patch).map((name) => [name, before[name]]));
    await audit(client, before.id, owner, 'updated', old, patch);
    return task!;
  });
  response.json(changed);
});

app.post('/tasks/:id/transition', async (request, response) => {
  const { target_status: status } = Transition.parse(request.body);
  const owner = response.locals.user;
  const moved = await transaction(async (client) => {
    const before = await lockTask(client, request.params.id, owner);
    if (before.status === status) return before;
    if (!transitions[before.status].includes(status)) throw new HttpError(409, 'INVALID_TRANSITION');
    const text = 'update crud_tasks set status = $2, updated_at = now() where id = $1 returning *';
    const [task] = await query<Task>(client, 'transition', text, [before.id, status]);
    await audit(client, before.id, owner, 'transitioned', { status: before.status }, { status });
    return task!;
  });
  response.json(moved);
});

app.delete('/tasks/:id', async (request, response) => {
  const owner = response.locals.user;
  await transaction(async (client) => {
    const before = await lockTask(client, request.params.id, owner);
    await query(client, 'delete', 'update crud_tasks set deleted_at = now(), updated_at = now() where id = $1', [before.id]);
    await audit(client, before.id, owner, 'deleted', before, null);
  });
  response.status(204).end();
});

app.get('/tasks/:id/audit', async (request, response) => {
  const { id } = request.params;
  const owned = await query(pool, 'owned', 'select from crud_tasks where id = $1 and owner_id = $2', [id, response.locals.user]);
  if (owned.length === 0) throw new HttpError(404, 'TASK_NOT_FOUND');
  const text = 'select id, action, actor_id, old_values, new_values, at from crud_audit where task_id = $1 order by id limit 100';
  response.json({ items: await query(pool, 'history', text, [id]) });
});

app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
  if (error instanceof HttpError) response.status(error.status).json({ error: { code: error.code } });
  else if (error instanceof z.ZodError) response.status(422).json({ error: { code: 'VALIDATION_FAILED', details: error.issues } });
  else response.status(500).json({ error: { code: 'INTERNAL_ERROR' } });
});

const server = app.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
process.once('SIGTERM', () => process.exit(0));
