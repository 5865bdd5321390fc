import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openS3Storage } from '../../src/platform/files/s3-storage.ts';
import { startS3 } from '../support/s3.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';
import { blobsIn, upload } from '../support/uploads.ts';

let s3: Awaited<ReturnType<typeof startS3>>;
let service: TestService;
let ann: Client;

beforeAll(async () => {
  s3 = await startS3();
  service = await startTestService(s3.environment);
  ann = await service.someone('ann');
});
afterAll(async () => {
  await service?.stop();
  await s3?.stop();
});

test('files are kept in the bucket, of which any instance serves them whole and in parts', async () => {
  const { id } = (await ann.post('/tasks', { title: 'Water the plants' })).body;
  const file = (await upload(service.url, ann, id, { name: 'digits.txt', content: '0123456789' })).body;
  const storage = openS3Storage(s3.options);
  expect((await blobsIn(storage)).map(({ key }) => key)).toEqual([`${id}/${file.id}`]);
  await storage.close();
  expect((await ann.get(`/files/${file.id}`)).text).toBe('0123456789');
  expect((await ann.get(`/files/${file.id}`, { range: 'bytes=2-4' })).text).toBe('234');
  expect((await service.anonymous.send('GET', '/health/detailed')).body.checks.storage.status).toBe('healthy');
});

test('a bucket that is away is said to be, and hinders nothing else', async () => {
  const { id } = (await ann.post('/tasks', { title: 'Water the plants' })).body;
  const file = (await upload(service.url, ann, id, { name: 'a.txt', content: 'Hello' })).body;
  await s3.stop();
  const refused = await upload(service.url, ann, id, { name: 'b.txt', content: 'Hello' });
  expect([refused.status, refused.body.error.code, refused.body.error.details]).toEqual([
    503,
    'DEPENDENCY_UNAVAILABLE',
    [{ part: 'storage' }],
  ]);
  expect((await ann.get(`/files/${file.id}`)).status).toBe(503);
  expect((await ann.get(`/tasks/${id}/files`)).body.total).toBe(1);
  // Each part is asked once a second at most.
  await sleep(1_000);
  const health = await service.anonymous.send('GET', '/health/detailed');
  expect([health.status, health.body.status, health.body.checks.storage.status]).toEqual([200, 'degraded', 'unhealthy']);
});
