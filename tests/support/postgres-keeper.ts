import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/platform/postgres/embedded.ts';

// A process of its own that keeps the PostgreSQL server of one test run. It lives exactly as long as the pipe at its standard input:
// when the run ends, however it does (SIGKILL included), the kernel closes the pipe, and server and data go. The server is started when
// the first test asks for it, so that a run without a database pays nothing.

const directory = await mkdtemp(join(await realpath(tmpdir()), 'tasktrail-test-'));
const lastLines: string[] = [];
let server: Promise<EmbeddedPostgres> | undefined;

const asked = createServer(async (socket) => {
  socket.on('error', () => {});
  server ??= start();
  socket.end(await server.then(({ connectionString }) => connectionString).catch((error) => `${error}\n${lastLines.join('\n')}`));
});
asked.listen(join(directory, 'keeper'), () => process.stdout.write(join(directory, 'keeper')));

process.stdin.resume();
await once(process.stdin, 'close');
asked.close();
await (await server?.catch(() => undefined))?.stop();
await rm(directory, { recursive: true, force: true, maxRetries: 5 });
process.exit();

/** Nothing here need survive a power cut, so nothing is flushed. */
async function start(): Promise<EmbeddedPostgres> {
  const settings = { fsync: 'off', full_page_writes: 'off', max_connections: '200', shared_buffers: '128MB' };
  const started = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), settings, log: (line) => lastLines.push(line) });
  await allowDatabases(started.connectionString);
  return started;
}

/** The service's role may not create databases; a test run's must. */
async function allowDatabases(connectionString: string): Promise<void> {
  const url = new URL(connectionString);
  const role = url.username;
  url.username = 'postgres';
  const client = new pg.Client(url.href);
  await client.connect();
  await client.query(`alter role ${client.escapeIdentifier(role)} createdb`);
  await client.end();
}
