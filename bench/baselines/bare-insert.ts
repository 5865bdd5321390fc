import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import express from 'express';
import pg from 'pg';

/** What a route costs that only writes a row: one prepared INSERT, no authentication, no validation. */
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 16 });
await pool.query(`create table if not exists bare_tasks (
  id uuid primary key, title text not null, description text not null, status text not null, priority text not null,
  created_at timestamptz not null default now())`);

const app = express().disable('x-powered-by').disable('etag');
app.use(express.json());
app.post('/tasks', async (request, response) => {
  const { title, description = '', status = 'todo', priority = 'medium' } = request.body;
  const { rows } = await pool.query({
    name: 'insert',
    text: 'insert into bare_tasks (id, title, description, status, priority) values ($1, $2, $3, $4, $5) returning *',
    values: [randomUUID(), title, description, status, priority],
  });
  response.status(201).json(rows[0]);
});
const server = app.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
process.once('SIGTERM', () => process.exit(0));
