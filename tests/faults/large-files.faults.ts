import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createTestDatabase } from '../support/postgres.ts';
import { startS3 } from '../support/s3.ts';
import { createClient, keys } from '../support/service.ts';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.ts';

const MEGABYTE = 1024 * 1024;
const LARGE = 1024 * MEGABYTE;
const MOST_MORE = 50 * MEGABYTE;

let directory: string;
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let service: ServiceProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-large-'));
  database = await createTestDatabase();
});
afterEach(async () => {
  await service?.end('SIGTERM');
  service = undefined;
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

const start = (environment: Record<string, string> = {}) =>
  startServiceProcess({
    ...keys,
    ENVIRONMENT: 'test',
    DATA_DIR: directory,
    DATABASE_URL: database.connectionString,
    MAX_UPLOAD_SIZE: String(LARGE),
    STORAGE_QUOTA_MB: String((2 * LARGE) / MEGABYTE),
    ...environment,
  });

/** Resident bytes of the service. */
async function resident(): Promise<number> {
  const status = await readFile(`/proc/${service!.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

/** The most that was resident while the work was done. */
async function peakDuring(work: Promise<unknown>): Promise<number> {
  let peak = 0;
  const watching = setInterval(() => void resident().then((now) => (peak = Math.max(peak, now))), 20);
  await work.finally(() => clearInterval(watching));
  return peak;
}

/** A body with a document of so many bytes. */
async function* content(size: number): AsyncGenerator<Buffer> {
  yield Buffer.from('--b\r\nContent-Disposition: form-data; name="file"; filename="large.pdf"\r\n\r\n');
  const piece = Buffer.alloc(MEGABYTE, '%PDF-1.7 large ');
  for (let left = size; left > 0; left -= piece.length) yield piece.subarray(0, Math.min(left, piece.length));
  yield Buffer.from('\r\n--b--\r\n');
}

async function upload(token: string, taskId: string, size: number): Promise<{ status: number; body: { id: string; size: number } }> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'multipart/form-data; boundary=b' };
  const sent = request(`${service!.url}/api/v1/tasks/${taskId}/files`, { method: 'POST', headers });
  const answered = new Promise<{ status: number; text: string }>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      let text = '';
      response.on('data', (bytes) => {
        text += bytes;
      });
      response.on('end', () => resolve({ status: response.statusCode!, text }));
    });
  });
  await pipeline(Readable.from(content(size)), sent);
  const { status, text } = await answered;
  return { status, body: JSON.parse(text) };
}

async function download(token: string, id: string): Promise<number> {
  const response = await fetch(`${service!.url}/api/v1/files/${id}`, { headers: { authorization: `Bearer ${token}` } });
  let size = 0;
  for await (const piece of response.body!) size += piece.length;
  return size;
}

async function measure(): Promise<void> {
  const anonymous = createClient(service!.url);
  const account = { email: 'ann@tasks.test', username: 'ann', password: 'Passw0rd-of-mine' };
  const token = (await anonymous.post('/auth/register', account)).body.access_token;
  const { id: task } = (await createClient(service!.url, token).post('/tasks', { title: 'Carry' })).body;
  expect(await download(token, (await upload(token, task, 1000)).body.id)).toBe(1000);
  const usual = await peakDuring(pause(1000));
  const began = performance.now();
  let id = '';
  const up = await peakDuring(
    upload(token, task, LARGE).then(({ status, body }) => {
      expect([status, body.size]).toEqual([201, LARGE]);
      id = body.id;
    }),
  );
  const uploaded = performance.now();
  const down = await peakDuring(download(token, id).then((size) => expect(size).toBe(LARGE)));
  const megabytes = (bytes: number) => Math.round(bytes / MEGABYTE);
  process.stderr.write(
    `resident MB: usual ${megabytes(usual)}, 1 GB up ${megabytes(up)} (${Math.round(uploaded - began)} ms), down ${megabytes(down)} (${Math.round(performance.now() - uploaded)} ms)\n`,
  );
  expect(up - usual).toBeLessThan(MOST_MORE);
  expect(down - usual).toBeLessThan(MOST_MORE);
}

test('a file of a gigabyte goes into a directory and out of it without being held', async () => {
  service = await start();
  await measure();
});

test('a file of a gigabyte goes into a bucket and out of it without being held', async () => {
  const s3 = await startS3();
  try {
    service = await start(s3.environment);
    await measure();
  } finally {
    await service?.end('SIGTERM');
    service = undefined;
    await s3.stop();
  }
});
