import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, type Reply, startTestService, type TestService } from '../support/service.ts';
import { png, upload } from '../support/uploads.ts';

let service: TestService;
let directory: string;
let ann: Client;
let bob: Client;
let eve: Client;
let cid: Client;
let task: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-files-'));
  service = await startTestService({ DATA_DIR: directory, MAX_UPLOAD_SIZE: '100000' });
  [ann, bob, eve, cid] = (await Promise.all(['ann', 'bob', 'eve', 'cid'].map((name) => service.someone(name)))) as [
    Client,
    Client,
    Client,
    Client,
  ];
  task = await aTask();
});
afterAll(async () => {
  await service?.stop();
  await rm(directory, { recursive: true, force: true });
});

/** Ann's; Bob may see it and Eve may edit it. */
const aTask = async (): Promise<string> => {
  const { id } = (await ann.post('/tasks', { title: 'Water the plants' })).body;
  await ann.post(`/tasks/${id}/share`, { username: 'bob' });
  await ann.post(`/tasks/${id}/share`, { username: 'eve', permission: 'edit' });
  return id;
};
const put = (by: Client, name: string, content: string | Buffer, headers?: Record<string, string>, to = task) =>
  upload(service.url, by, to, { name, content }, headers);
const code = ({ status, body }: Reply) => `${status} ${body?.error?.code}`;
const blobs = async (): Promise<string[]> => {
  const all = await readdir(join(directory, 'files'), { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
};
const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const got = async (by: Client, id: string, headers: Record<string, string> = {}, method = 'GET') => {
  const init = { method, headers: { authorization: `Bearer ${by.token}`, ...headers } };
  const response = await fetch(`${service.url}/api/v1/files/${id}`, init);
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
};

describe('a file', () => {
  test('is answered whole, listed, counted, told and comes back as it was', async () => {
    const before = (await ann.get(`/tasks/${task}`)).body;
    const reply = await put(eve, 'Größe ✓.png', png);
    expect(code(reply)).toBe('201 undefined');
    expect(reply.body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      task_id: task,
      name: 'Größe ✓.png',
      size: png.length,
      content_type: 'image/png',
      sha256: sha256(png),
      uploaded_by: { id: eve.id, username: 'eve', full_name: 'eve Example' },
      uploaded_at: expect.stringMatching(/Z$/),
      purged: false,
    });
    expect(reply.headers.get('location')).toBe(`/api/v1/files/${reply.body.id}`);
    expect(reply.headers.get('etag')).toBe(`"${before.revision + 1}"`);
    expect((await bob.get(`/tasks/${task}/files`)).body.items).toEqual([reply.body]);
    expect((await bob.get(`/tasks/${task}`)).body.file_count).toBe(before.file_count + 1);
    const { status, headers, bytes } = await got(bob, reply.body.id);
    expect([status, bytes.equals(png), headers.get('content-type'), headers.get('content-length')]).toEqual([
      200,
      true,
      'image/png',
      String(png.length),
    ]);
    expect(headers.get('content-disposition')).toBe(`attachment; filename="Größe ?.png"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%E2%9C%93.png`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('etag')).toBe(`"${sha256(png)}"`);
    const { items } = (await ann.get(`/activity/tasks/${task}`)).body;
    expect(items.at(-1)).toMatchObject({
      action: 'uploaded',
      resource_type: 'file',
      details: { filename: 'Größe ✓.png', size: png.length },
    });
  });

  test('comes in parts, not at all when it is known, and as its headers alone', async () => {
    const { id } = (await put(ann, 'digits.txt', '0123456789')).body;
    const part = await got(ann, id, { range: 'bytes=2-4' });
    expect([part.status, part.bytes.toString(), part.headers.get('content-range'), part.headers.get('content-length')]).toEqual([
      206,
      '234',
      'bytes 2-4/10',
      '3',
    ]);
    expect((await got(ann, id, { range: 'bytes=-3', 'accept-encoding': 'gzip' })).bytes.toString()).toBe('789');
    expect((await got(ann, id, { range: 'bytes=8-' })).bytes.toString()).toBe('89');
    expect((await got(ann, id, { range: 'bytes=0-1,3-4' })).status).toBe(200);
    expect((await got(ann, id, { range: 'bytes=0-1', 'if-range': '"old"' })).status).toBe(200);
    const beyond = await got(ann, id, { range: 'bytes=10-' });
    expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    const etag = `"${sha256('0123456789')}"`;
    expect((await got(ann, id, { 'if-none-match': etag })).status).toBe(304);
    expect((await got(ann, id, { accept: 'image/webp' })).status).toBe(200);
    const head = await got(ann, id, {}, 'HEAD');
    expect([head.status, head.bytes.length, head.headers.get('content-length')]).toEqual([200, 0, '10']);
  });

  test('is for who may edit the task to upload and delete, and for who sees it to read', async () => {
    const { id } = (await put(ann, 'a.txt', 'mine')).body;
    expect(code(await put(bob, 'a.txt', 'no'))).toBe('403 FORBIDDEN');
    expect(code(await put(cid, 'a.txt', 'no'))).toBe('404 TASK_NOT_FOUND');
    expect(code(await bob.delete(`/files/${id}`))).toBe('403 FORBIDDEN');
    for (const reply of [await cid.get(`/files/${id}`), await cid.delete(`/files/${id}`), await ann.get('/files/no-id')])
      expect(code(reply)).toBe('404 FILE_NOT_FOUND');
    expect((await got(bob, id)).bytes.toString()).toBe('mine');
    await ann.delete(`/tasks/${task}/share/bob`);
    expect((await got(bob, id)).status).toBe(404);
    await ann.post(`/tasks/${task}/share`, { username: 'bob' });
  });

  test('with the same key, name and content is there once; with others the key is refused', async () => {
    const key = { 'idempotency-key': 'once' };
    const stored = (await blobs()).length;
    const first = await put(ann, 'once.txt', 'once', key);
    const again = await put(ann, 'once.txt', 'once', { ...key, 'if-match': '"0"' });
    expect([again.status, again.headers.get('idempotent-replayed'), again.body]).toEqual([201, 'true', first.body]);
    expect(code(await put(ann, 'once.txt', 'twice', key))).toBe('422 IDEMPOTENCY_KEY_REUSED');
    expect(code(await put(ann, 'other.txt', 'once', key))).toBe('422 IDEMPOTENCY_KEY_REUSED');
    expect(await blobs()).toHaveLength(stored + 1);
  });

  test('whose sender has seen another revision is refused before it is taken', async () => {
    expect(code(await put(ann, 'stale.txt', 'x', { 'if-match': '"0"' }))).toBe('412 REVISION_MISMATCH');
    const minimal = await put(ann, 'fresh.txt', 'x', { 'if-match': '*', prefer: 'return=minimal' });
    expect([minimal.status, minimal.text]).toEqual([201, '']);
  });

  test('deleted is gone, and its task moves', async () => {
    const { id } = (await put(ann, 'gone.txt', 'gone')).body;
    const before = (await ann.get(`/tasks/${task}`)).body;
    const reply = await eve.delete(`/files/${id}`, undefined, { 'idempotency-key': 'gone' });
    expect([reply.status, reply.headers.get('tasktrail-revision')]).toEqual([204, String(before.revision + 1)]);
    expect((await eve.delete(`/files/${id}`, undefined, { 'idempotency-key': 'gone' })).headers.get('idempotent-replayed')).toBe('true');
    expect(code(await ann.delete(`/files/${id}`))).toBe('404 FILE_NOT_FOUND');
    expect((await got(ann, id)).status).toBe(404);
    expect((await ann.get(`/tasks/${task}`)).body.file_count).toBe(before.file_count - 1);
  });

  test('is included in its task with comments and shares', async () => {
    const other = await aTask();
    const file = (await put(ann, 'a.md', '# Hello', {}, other)).body;
    const comment = (await bob.post(`/tasks/${other}/comments`, { content: 'Seen' })).body;
    const whole = await ann.get(`/tasks/${other}?include=shares,comments,files`);
    expect(whole.body).toMatchObject({
      id: other,
      files: [file],
      comments: [comment],
      shares: [{ permission: 'view' }, { permission: 'edit' }],
    });
    expect(whole.headers.get('etag')).toBe(`"${whole.body.revision}"`);
    const { shares, files } = (await bob.get(`/tasks/${other}?include=shares`)).body;
    expect([shares.length, files]).toEqual([1, undefined]);
    expect((await ann.get(`/tasks/${other}?include=tags`)).status).toBe(422);
    expect((await ann.get(`/tasks/${other}?include=files&revision=0`)).status).toBe(422);
  });
});

describe('what is not taken', () => {
  test.each<[string, string | Buffer, string]>([
    ['big.txt', 'x'.repeat(100_001), '413 FILE_TOO_LARGE'],
    ['huge.txt', 'x'.repeat(400_000), '413 FILE_TOO_LARGE'],
    ['empty.txt', '', '422 VALIDATION_FAILED'],
    ['run.exe', 'MZ', '415 FILE_TYPE_NOT_ALLOWED'],
    ['picture.png', 'not a picture', '415 FILE_TYPE_NOT_ALLOWED'],
  ])('%s', async (name, content, expected) => {
    const before = await blobs();
    const reply = await put(ann, name, content);
    expect(code(reply)).toBe(expected);
    if (reply.status === 413) expect(reply.body.error.details).toEqual([{ limit: 100_000 }]);
    expect(await blobs()).toEqual(before);
  });

  test('the largest that may be is taken', async () => {
    expect((await put(ann, 'large.txt', 'x'.repeat(100_000))).status).toBe(201);
  });
});

describe('what is deleted long enough', () => {
  /** Another instance that keeps nothing for a day: its upkeep runs when it starts. */
  const withoutRetention = async (until: () => Promise<boolean>) => {
    const other = await startTestService({ ...service.sameStores, DATA_DIR: directory, FILE_RETENTION_DAYS: '0' });
    try {
      for (const end = Date.now() + 10_000; !(await until()) && Date.now() < end; ) await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      await other.stop();
    }
  };
  const has = async (id: string) => (await blobs()).some((path) => path.includes(id));

  test('is purged, restored before that it is whole, and orphans are collected', async () => {
    const [lost, kept, restored] = [await aTask(), await aTask(), await aTask()];
    const [ofLost, ofKept, ofRestored, single] = await Promise.all(
      [lost, kept, restored, restored].map(async (to, n) => (await put(ann, `${n}.txt`, `file ${n}`, {}, to)).body.id as string),
    );
    await ann.delete(`/tasks/${lost}`);
    await ann.delete(`/tasks/${restored}`);
    expect((await got(ann, ofRestored!)).status).toBe(404);
    await ann.post(`/tasks/${restored}/restore`);
    await ann.delete(`/files/${single}`);
    expect(await has(ofLost!)).toBe(true);
    const orphan = join(directory, 'files', 'blobs', lost, '00000000-0000-7000-8000-000000000001');
    const half = join(directory, 'files', 'incoming', 'half');
    for (const path of [orphan, half]) await putOld(path);

    await withoutRetention(async () => !(await has(ofLost!)) && !(await blobs()).includes(orphan));
    expect(await Promise.all([ofLost!, single!, ofKept!, ofRestored!].map(has))).toEqual([false, false, true, true]);
    expect((await blobs()).filter((path) => path === orphan || path === half)).toEqual([]);
    expect((await got(bob, ofKept!)).bytes.toString()).toBe('file 1');

    await ann.post(`/tasks/${lost}/restore`);
    expect((await ann.get(`/tasks/${lost}/files`)).body.items).toMatchObject([{ id: ofLost, purged: true }]);
    expect(code(await ann.get(`/files/${ofLost}`))).toBe('410 FILE_PURGED');
    const timeline = (await ann.get(`/activity/tasks/${lost}`)).body.items;
    expect(timeline.map(({ action }: { action: string }) => action)).toContain('purged');
  });

  const putOld = async (path: string) => {
    const { mkdir, writeFile } = await import('node:fs/promises');
    await mkdir(join(path, '..'), { recursive: true });
    await writeFile(path, 'left behind');
    const long = new Date(Date.now() - 2 * 3_600_000);
    await utimes(path, long, long);
  };
});

test('the name of a file is sealed in the log, and its content is where it was put', async () => {
  const { id } = (await put(ann, 'the canary sings.txt', 'tweet')).body;
  expect(await service.storedText()).not.toContain('canary');
  expect(await readFile((await blobs()).find((path) => path.includes(id))!, 'utf8')).toBe('tweet');
});

test('health tells of the storage', async () => {
  const { body } = await service.anonymous.send('GET', '/health/detailed');
  expect(body.checks.storage.status).toBe('healthy');
});
