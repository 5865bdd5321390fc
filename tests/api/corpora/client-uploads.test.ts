import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../../support/service.ts';
import { upload } from '../../support/uploads.ts';
import { clientUploads, content } from './client-uploads.ts';
import { encodedTexts } from './encoded-texts.ts';
import { tell } from './targets.ts';

let service: TestService;
let directory: string;
let ann: Client;
let task: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-client-uploads-'));
  service = await startTestService({ DATA_DIR: directory, ALLOWED_EXTENSIONS: '.txt,.md,.csv,.log,.tsv,.json' });
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

describe('a text comes back byte for byte, and is said to be UTF-8 only where it is', () => {
  test.each(encodedTexts.map((text) => [text.encoding, text] as const))('%s', async (_, { name, bytes, contentType }) => {
    const { status, body } = await upload(service.url, ann, task, { name, content: bytes });
    expect([status, body.content_type, body.size]).toEqual([201, contentType, bytes.length]);
    const response = await fetch(`${service.url}/api/v1/files/${body.id}`, { headers: { authorization: `Bearer ${ann.token}` } });
    expect([response.status, response.headers.get('content-type')]).toEqual([200, contentType]);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });
});
