import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStaging } from '../../src/platform/files/staging.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { type Client, createClient, type Reply, startTestService, type TestService } from '../support/service.ts';
import { upload } from '../support/uploads.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';

const MIB = 2 ** 20;
/** Room for three of these in a quota of one MiB, and not for four. */
const THIRD = Buffer.alloc(300_000, 'a');

let directory: string;
let here: TestService;
let there: TestService;
let names = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-quota-'));
  const settings = { STORAGE_QUOTA_MB: '1', DATABASE_POOL_MAX: '10' };
  here = await startTestService({ ...settings, DATA_DIR: join(directory, 'here') });
  there = await startTestService({ ...settings, ...here.sameStores, DATA_DIR: join(directory, 'there') });
}, 60_000);
afterAll(async () => {
  await there?.stop();
  await here?.stop();
  await rm(directory, { recursive: true, force: true });
});

async function uploader(): Promise<{ ann: Client; task: string }> {
  const ann = await here.someone(`ann${++names}`);
  return { ann, task: (await ann.post('/tasks', { title: 'Files' })).body.id };
}
const put = (at: { url: string }, by: Client, task: string, content: Buffer, headers?: Record<string, string>) =>
  upload(at.url, by, task, { name: 'a.txt', content }, headers);
const codes = (replies: readonly Reply[]) => replies.map(({ status, body }) => `${status} ${body?.error?.code ?? ''}`.trim()).sort();

async function reservations(): Promise<number> {
  const pool = createPool(here.connectionString, { max: 1, applicationName: 'tests', onError: () => {} });
  const { rows } = await pool.query(`select count(*)::int as n from uploads.reservations where file_id is null`);
  await pool.end();
  return rows[0].n;
}

describe('the quota of a user', () => {
  test('takes three of sixteen uploads on two instances at once where there is room for three', async () => {
    const { ann, task } = await uploader();
    const uploads = Array.from({ length: 16 }, (_, n) => put(n % 2 === 0 ? here : there, ann, task, THIRD));
    const replies = await Promise.all(uploads);
    expect(codes(replies)).toEqual([...Array(3).fill('201'), ...Array(13).fill('413 STORAGE_QUOTA_EXCEEDED')]);
    const refused = replies.find(({ status }) => status === 413)!;
    expect(refused.body.error.details).toEqual([{ limit: MIB, used: expect.any(Number) }]);
    expect((await ann.get(`/tasks/${task}/files`)).body.items).toHaveLength(3);
    expect(await reservations()).toBe(0);
    expect(await readdir(join(directory, 'here', 'files', 'incoming'))).toEqual([]);
  }, 60_000);

  test('refuses before the body is read where its length tells, and takes what just fits', async () => {
    const { ann, task } = await uploader();
    const { port, hostname } = new URL(here.url);
    const socket = connect(Number(port), hostname);
    const request = [
      `POST /api/v1/tasks/${task}/files HTTP/1.1`,
      ...['Host: tasks.test', `Authorization: Bearer ${ann.token}`, 'Content-Type: multipart/form-data; boundary=b'],
      `Content-Length: ${2 * MIB}`,
    ];
    socket.write(`${request.join('\r\n')}\r\n\r\n`);
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 .*STORAGE_QUOTA_EXCEEDED/s);
    socket.destroy();
    expect(codes([await put(here, ann, task, Buffer.alloc(MIB + 1, 'a'))])).toEqual(['413 STORAGE_QUOTA_EXCEEDED']);
    expect(codes([await put(here, ann, task, Buffer.alloc(MIB, 'a'))])).toEqual(['201']);
    expect(codes([await put(there, ann, task, Buffer.from('a'))])).toEqual(['413 STORAGE_QUOTA_EXCEEDED']);
  });

  test('gives the room of an upload back that was aborted, and of one that was refused', async () => {
    const { ann, task } = await uploader();
    const { port, hostname } = new URL(here.url);
    const socket = connect(Number(port), hostname);
    const lines = [`POST /api/v1/tasks/${task}/files HTTP/1.1`, 'Host: tasks.test', `Authorization: Bearer ${ann.token}`];
    lines.push('Content-Type: multipart/form-data; boundary=b', 'Transfer-Encoding: chunked');
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    const part = `--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n${'a'.repeat(900_000)}`;
    socket.write(`${part.length.toString(16)}\r\n${part}\r\n`);
    for (let tries = 0; tries < 200 && (await reservations()) === 0; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await reservations()).toBe(1);
    socket.destroy();
    for (let tries = 0; tries < 200 && (await reservations()) > 0; tries++) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await reservations()).toBe(0);
    const wrong = await upload(here.url, ann, task, { name: 'a.exe', content: THIRD });
    expect(codes([wrong])).toEqual(['415 FILE_TYPE_NOT_ALLOWED']);
    expect(codes([await put(here, ann, task, Buffer.alloc(MIB, 'a'))])).toEqual(['201']);
  });

  test('counts a deleted file until it is purged, and the repeat of an upload not at all', async () => {
    const { ann, task } = await uploader();
    const whole = Buffer.alloc(MIB, 'a');
    const first = await put(here, ann, task, whole, { 'idempotency-key': 'once' });
    expect(codes([first, await put(there, ann, task, whole, { 'idempotency-key': 'once' })])).toEqual(['201', '201']);
    expect((await ann.send('DELETE', `/api/v1/files/${first.body.id}`)).status).toBe(204);
    expect(codes([await put(here, ann, task, Buffer.from('a'))])).toEqual(['413 STORAGE_QUOTA_EXCEEDED']);
    expect((await ann.send('DELETE', `/api/v1/tasks/${task}`)).status).toBe(204);
    expect((await ann.post(`/tasks/${task}/restore`, {})).status).toBe(200);
  });

  test.each(['uploads reserve their space', 'reservations are made one after the other'])(
    'is exceeded without this: %s',
    async (defence) => {
      const weakened: Weakened = await startWeakened({ sameStores: { ...here.sameStores, STORAGE_QUOTA_MB: '1' } });
      try {
        const { ann, task } = await uploader();
        const same = createClient(weakened.url, ann.token!);
        await weakened.without(defence);
        const replies = await Promise.all(Array.from({ length: 8 }, () => put({ url: weakened.url }, same, task, THIRD)));
        expect(replies.filter(({ status }) => status === 201).length).toBeGreaterThan(3);
      } finally {
        await weakened.stop();
      }
    },
    60_000,
  );
});

test('without a quota any number of bytes is taken', async () => {
  const service = await startTestService({ STORAGE_QUOTA_MB: '0' });
  try {
    const ann = await service.someone('ann');
    const { id } = (await ann.post('/tasks', { title: 'Files' })).body;
    expect(codes([await put(service, ann, id, Buffer.alloc(2 * MIB, 'a'))])).toEqual(['201']);
  } finally {
    await service.stop();
  }
});

test('an upload is refused while the disk has less free space than is kept for the database', async () => {
  const folder = join(directory, 'staging');
  await (await openStaging(folder)).requireSpace();
  const staging = await openStaging(folder, Number.MAX_SAFE_INTEGER);
  await expect(staging.requireSpace()).rejects.toMatchObject({ name: 'StorageUnavailable' });
});

test('what is stored is for the service’s own user only, also where it was open before', async () => {
  const { ann, task } = await uploader();
  expect(codes([await put(here, ann, task, randomBytes(10).fill('a'))])).toEqual(['201']);
  const wide = await mkdtemp(join(directory, 'wide-'));
  await mkdir(join(wide, 'files', 'blobs'), { recursive: true });
  await writeFile(join(wide, 'files', 'blobs', 'old'), 'a', { mode: 0o644 });
  for (const path of [wide, join(wide, 'files'), join(wide, 'files', 'blobs')]) await chmod(path, 0o755);
  const other = await startTestService({ ...here.sameStores, DATA_DIR: wide });
  await other.stop();
  const open: string[] = [];
  for (const root of [join(directory, 'here'), wide]) {
    for (const entry of ['', ...(await readdir(root, { recursive: true }))])
      if (((await stat(join(root, entry))).mode & 0o077) !== 0) open.push(entry);
  }
  expect(open).toEqual([]);
});
