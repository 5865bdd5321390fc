import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

export type TestDatabase = { readonly connectionString: string; drop(): Promise<void> };

/** A new, empty database on the run's PostgreSQL server, of a role that may create further ones. Drop it in afterAll. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = await serverAddress();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await administer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { connectionString: url.href, drop: () => dropDatabase(server, name) };
}

/** By force, lest a connection hold it; without, the server ends its own autovacuum in it, which this role may not. */
async function dropDatabase(server: string, name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await administer(server, `drop database if exists ${name} ${tries % 2 === 1 ? 'with (force)' : ''}`);
    } catch (error) {
      if (tries === 50 || !['42501', '55006'].includes((error as { code?: string }).code ?? '')) throw error;
      await pause(100);
    }
  }
}

async function serverAddress(): Promise<string> {
  const path = process.env.TEST_POSTGRES_KEEPER;
  if (!path) throw new Error('No test database: run through jest, whose global setup starts its keeper.');
  const answer = await text(connect({ path }));
  if (!answer.startsWith('postgres://')) throw new Error(`The test database did not start: ${answer}`);
  return answer;
}

async function administer(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
