import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { createClient } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';

interface Job {
  status: string;
  progress: number;
  finished_at: string | null;
}

let database: TestDatabase;
let directory: string;
let services: ServiceProcess[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-jobs-'));
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.end('SIGTERM')));
  services = [];
  await rm(directory, { recursive: true, force: true });
  await database.drop();
});

async function start(environment: Record<string, string> = { DATABASE_URL: database.connectionString }): Promise<ServiceProcess> {
  const service = await startServiceProcess({ DATA_DIR: directory, ...environment });
  services.push(service);
  return service;
}

/** How a job is getting on; null while that cannot be asked. */
async function look({ url }: ServiceProcess, path: string): Promise<Job | null> {
  const reply = await createClient(url)
    .send('GET', path)
    .catch(() => null);
  return reply?.status === 200 ? reply.body : null;
}

async function until(service: ServiceProcess, path: string, isSo: (job: Job) => boolean, seconds = 60): Promise<Job> {
  for (const deadline = Date.now() + seconds * 1000; Date.now() < deadline; await pause(50)) {
    const job = await look(service, path);
    if (job && isSo(job)) return job;
  }
  throw new Error('the job did not get there');
}

async function startJob(service: ServiceProcess): Promise<string> {
  const body = JSON.stringify({ name: 'long', steps: 60, step_ms: 200 });
  const accepted = await createClient(service.url).send('POST', '/async/background-task', { body });
  expect(accepted.status).toBe(202);
  return accepted.headers.get('location')!;
}

const hasBegun = ({ progress }: Job) => progress > 0.1;
const hasEnded = ({ finished_at }: Job) => finished_at !== null;

describe('a job whose instance is killed with SIGKILL', () => {
  test.each(['a database of its own', 'the embedded database'])(
    'goes on from where it was within 15 s of the restart, on %s',
    async (which) => {
      const environment: Record<string, string> = which === 'the embedded database' ? {} : { DATABASE_URL: database.connectionString };
      let service = await start(environment);
      const path = await startJob(service);
      for (let kill = 1; kill <= 2; kill++) {
        await until(service, path, ({ progress }) => progress > kill * 0.15);
        await service.end('SIGKILL');
        services = [];
        service = await start(environment);
        const since = performance.now();
        const { progress } = await until(service, path, () => true);
        expect(progress).toBeGreaterThan(kill * 0.15);
        await until(service, path, (job) => job.progress > progress, 15);
        console.log(`it went on ${Math.round(performance.now() - since)} ms after the restart`);
      }
      expect(await until(service, path, hasEnded)).toMatchObject({ status: 'succeeded', progress: 1 });
    },
  );

  test('is taken over by another instance while the first stays dead', async () => {
    const one = await start();
    const path = await startJob(one);
    const { progress } = await until(one, path, hasBegun);
    const two = await start();
    await one.end('SIGKILL');
    services = [two];
    await until(two, path, (job) => job.progress > progress + 0.05, 20);
    expect(await until(two, path, hasEnded)).toMatchObject({ status: 'succeeded', progress: 1 });
  });

  test('is given back by one that is told to stop, and goes on elsewhere at once', async () => {
    const one = await start();
    const path = await startJob(one);
    await until(one, path, hasBegun);
    const since = performance.now();
    expect(await one.end('SIGTERM')).toBe(0);
    expect(performance.now() - since).toBeLessThan(5_000);
    services = [];
    const two = await start();
    const { progress } = await until(two, path, () => true);
    await until(two, path, (job) => job.progress > progress, 5);
    expect(await until(two, path, hasEnded)).toMatchObject({ status: 'succeeded', progress: 1 });
  });
});
