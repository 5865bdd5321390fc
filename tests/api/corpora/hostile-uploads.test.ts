import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, startTestService, type TestService } from '../../support/service.ts';
import { startWeakened, type Weakened } from '../../support/weakened.ts';
import { fileOf, type HostileUpload, hostileUploads, uploadDefences } from './hostile-uploads.ts';
import { faultsIn, tell } from './targets.ts';

let service: TestService;
let weakened: Weakened;
let directory: string;
let ann: Client;
let task: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-uploads-'));
  service = await startTestService({ DATA_DIR: directory });
  const starting = startWeakened(service);
  ann = await service.someone('ann');
  task = (await ann.post('/tasks', { title: 'Hold them off' })).body.id;
  weakened = await starting;
}, 60_000);
afterAll(async () => {
  await weakened?.stop();
  await service?.stop();
  await rm(directory, { recursive: true, force: true });
});

const path = () => `/api/v1/tasks/${task}/files`;
const send = async (url: string, { body, type = 'multipart/form-data; boundary=b', headers }: Omit<HostileUpload, 'name' | 'refused'>) => {
  const typed: Record<string, string> = type === '' ? {} : { 'content-type': type };
  const { status, code, text } = await tell(
    url,
    { method: 'POST', path: path(), headers: { authorization: `Bearer ${ann.token}`, ...typed, ...headers } },
    body,
  );
  return { outcome: `${status} ${code}`, text };
};
/** Those that are not refused as they are to be. */
const comingThrough = async (url: string, attacks: readonly HostileUpload[]): Promise<string[]> => {
  const through: string[] = [];
  for (const attack of attacks) {
    const { outcome } = await send(url, attack);
    if (outcome !== attack.refused) through.push(`${attack.name}: ${outcome}`);
  }
  return through;
};
const files = async () => {
  const all = await readdir(join(directory, 'files'), { recursive: true, withFileTypes: true });
  return all.filter((entry) => entry.isFile()).map(({ name }) => name);
};
const until = async (test: () => boolean | Promise<boolean>) => {
  for (const end = Date.now() + 5_000; !(await test()); ) {
    if (Date.now() > end) throw new Error('it did not come to that');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

describe('a hostile upload', () => {
  test('is refused, and nothing comes of it', async () => {
    const revision = (await ann.get(`/tasks/${task}`)).body.revision;
    expect(await comingThrough(service.url, hostileUploads)).toEqual([]);
    expect((await ann.get(`/tasks/${task}`)).body.revision).toBe(revision);
    await until(async () => (await files()).length === 0);
    expect(faultsIn(service.log)).toEqual([]);
  });

  test.each(Object.entries(uploadDefences))('comes through without this: %s', async (name, attacks) => {
    await weakened.without(name);
    const through = await comingThrough(weakened.url, attacks).finally(() => weakened.without());
    if (process.env.MATRIX_TOLD) process.stderr.write(`without ${name}: ${through.length} of ${attacks.length}\n`);
    expect(through.filter((line) => line.endsWith(': 201 undefined')).length).toBeGreaterThan(attacks.length / 2);
  });

  test.each(['../../../../tmp/evil.txt', '/etc/evil.txt', 'C:\\Windows\\evil.txt', '..\\..\\evil.txt', './a/../evil.txt'])(
    'has no path: %s',
    async (filename) => {
      const { text } = await send(service.url, { body: fileOf(filename) });
      expect(JSON.parse(text).name).toBe('evil.txt');
    },
  );

  test('without end is refused while it comes', async () => {
    const { answer, sent } = await endless();
    expect(answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*"FILE_TOO_LARGE"/);
    expect(sent).toBeLessThan(30 * 1024 * 1024);
  });

  test('whose sender goes away leaves nothing', async () => {
    const before = await files();
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    const whole = fileOf('a.txt', Buffer.alloc(200_000, 'x'));
    socket.write(head(`Content-Length: ${whole.length}`));
    socket.write(whole.subarray(0, 150_000));
    await until(async () => (await files()).length > before.length);
    socket.destroy();
    await until(async () => (await files()).length === before.length);
  });
});

const head = (length: string) =>
  `POST ${path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${ann.token}\r\nContent-Type: multipart/form-data; boundary=b\r\n${length}\r\n\r\n`;

/** A file that never ends, in pieces. @returns what was answered, and how much had been sent by then */
function endless(): Promise<{ answer: string; sent: number }> {
  const beginning = fileOf('a.txt', '').subarray(0, -9);
  const piece = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(0x10000, 'x'), Buffer.from('\r\n')]);
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
    let [answer, sent] = ['', 0];
    const more = () => {
      while (answer === '' && socket.writable && socket.write(piece)) sent += piece.length;
    };
    socket.on('drain', more);
    socket.on('data', (bytes) => {
      answer += bytes;
      if (answer.includes('}')) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve({ answer, sent }));
    socket.write(head('Transfer-Encoding: chunked'));
    socket.write(`${beginning.length.toString(16)}\r\n`);
    socket.write(beginning);
    socket.write('\r\n');
    more();
  });
}
