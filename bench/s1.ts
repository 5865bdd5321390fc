import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../src/platform/postgres/embedded.ts';
import type { LoadResult } from './support/load-generator.ts';
import { cpuTime, describeRatio, load, paired, startServer } from './support/measure.ts';

// S1: creating tasks over HTTP with all that belongs to it, held against a bare Express route that does one INSERT.

const ROUNDS = Number(process.argv[2] ?? 5);
const SECONDS = Number(process.argv[3] ?? 5);
const CONNECTIONS = Number(process.argv[4] ?? 64);
const root = join(import.meta.dirname, '..');

const directory = await mkdtemp(join(tmpdir(), 'tasktrail-s1-'));
const database = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), log: () => {} });
const environment = {
  DATABASE_URL: database.connectionString,
  DATA_DIR: directory,
  PORT: '0',
  ADMIN_USERNAME: 'admin',
  ADMIN_PASSWORD: 'Adm1nistrator',
  ADMIN_EMAIL: 'admin@tasks.test',
  RATE_LIMIT_USER_PER_MINUTE: '0',
  RATE_LIMIT_PER_MINUTE: '0',
  LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
};
const subject = await startServer(
  join(root, 'src/main.ts'),
  environment,
  process.env.PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.PROFILE}`] : [],
);
const baseline = await startServer(join(root, 'bench/baselines/bare-insert.ts'), environment);
try {
  const login = await fetch(`http://127.0.0.1:${subject.port}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: 'Adm1nistrator' }),
  });
  const { access_token } = (await login.json()) as { access_token: string };
  const body = JSON.stringify({ title: 'Water the plants', description: 'All of them, also the cactus', priority: 'high', tags: ['home'] });
  const common = { connections: CONNECTIONS, seconds: SECONDS, method: 'POST', body };
  const p99 = { subject: [] as number[], baseline: [] as number[] };
  const rate = (kind: 'subject' | 'baseline', work: () => Promise<LoadResult>) => async () => {
    const { pid } = (kind === 'subject' ? subject : baseline).child;
    const before = cpuTime(pid!);
    const result = await work();
    const cpu = ((cpuTime(pid!) ?? Number.NaN) - (before ?? Number.NaN)) / (result.rate * SECONDS);
    console.log(
      `${kind.padEnd(9)} ${Math.round(result.rate)}/s  p50 ${result.p50.toFixed(2)} ms  p99 ${result.p99.toFixed(2)} ms  ${cpu.toFixed(0)} µs of its process each  ${JSON.stringify(result.statuses)}`,
    );
    p99[kind].push(result.p99);
    return result.rate;
  };
  const ratio = await paired(
    ROUNDS,
    rate('subject', () =>
      load({
        ...common,
        port: subject.port,
        path: '/api/v1/tasks',
        headers: { authorization: `Bearer ${access_token}` },
        unique: 'idempotency-key',
      }),
    ),
    rate('baseline', () => load({ ...common, port: baseline.port, path: '/tasks', headers: {} })),
  );
  console.log(`S1 throughput, subject over baseline: ${describeRatio(ratio)}`);
} finally {
  await subject.stop();
  await baseline.stop();
  await database.stop();
  await rm(directory, { recursive: true, force: true });
}
