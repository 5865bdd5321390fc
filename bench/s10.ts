import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeRatio, load, paired, startServer } from './support/measure.ts';

// S10: all that every request goes through (GET /workflow with a valid token), held against a bare Express route with `res.json`.

const ROUNDS = Number(process.argv[2] ?? 5);
const SECONDS = Number(process.argv[3] ?? 4);
const CONNECTIONS = Number(process.argv[4] ?? 64);
const root = join(import.meta.dirname, '..');

const directory = await mkdtemp(join(tmpdir(), 'tasktrail-s10-'));
const environment = {
  DATA_DIR: directory,
  PORT: '0',
  ADMIN_USERNAME: 'admin',
  ADMIN_PASSWORD: 'Adm1nistrator',
  ADMIN_EMAIL: 'admin@tasks.test',
  // Counted as ever, and never reached.
  RATE_LIMIT_USER_PER_MINUTE: '1000000',
  LOG_LEVEL: process.env.LOG_LEVEL ?? 'info',
};
const subject = await startServer(
  join(root, 'src/main.ts'),
  environment,
  process.env.PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.PROFILE}`] : [],
);
const baseline = await startServer(join(root, 'bench/baselines/bare-json.ts'), { LEAN: process.env.LEAN ?? 'true' });
try {
  const login = await fetch(`http://127.0.0.1:${subject.port}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'admin', password: 'Adm1nistrator' }),
  });
  const { access_token } = (await login.json()) as { access_token: string };
  const rate = (kind: string, port: number) => async () => {
    const common = { connections: CONNECTIONS, seconds: SECONDS, method: 'GET', path: '/api/v1/workflow' };
    const result = await load({ ...common, port, headers: { authorization: `Bearer ${access_token}` } });
    console.log(
      `${kind.padEnd(9)} ${Math.round(result.rate)}/s  p50 ${result.p50.toFixed(2)} ms  p99 ${result.p99.toFixed(2)} ms  ${JSON.stringify(result.statuses)}`,
    );
    return result.rate;
  };
  const ratio = await paired(ROUNDS, rate('subject', subject.port), rate('baseline', baseline.port));
  console.log(`S10 throughput, subject over baseline: ${describeRatio(ratio)}`);
} finally {
  await subject.stop();
  await baseline.stop();
  await rm(directory, { recursive: true, force: true });
}
