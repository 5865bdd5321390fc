import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../../support/service.ts';
import { clientUploads, content } from './client-uploads.ts';
import { tell } from './targets.ts';

let service: TestService;
let directory: string;
let ann: Client;
let task: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-client-uploads-'));
  service = await startTestService({ DATA_DIR: directory });
  ann = await service.someone('ann');
  task = (await ann.post('/tasks', { title: 'Take them from all clients' })).body.id;
});
afterAll(async () => {
  await service?.stop();
  await rm(directory, { recursive: true, force: true });
});

describe('an upload has the name that its client means', () => {
  test.each(clientUploads.map((upload) => [upload.client, upload] as const))('%s', async (_, { type, body, name }) => {
    const headers = { authorization: `Bearer ${ann.token}`, 'content-type': type };
    const path = `/api/v1/tasks/${task}/files`;
    const { status, text } = await tell(service.url, { method: 'POST', path, headers }, body);
    expect([status, JSON.parse(text)]).toEqual([201, expect.objectContaining({ name, size: content.length })]);
  });
});
