import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createGuardedPost, type GuardedPostOptions, PostFailure } from '../../../src/platform/outbound/guarded-post.ts';
import { isPublicAddress } from '../../../src/platform/outbound/public-address.ts';
import { type Receiver, startReceiver } from '../../support/webhook-receiver.ts';

let receiver: Receiver;
let port: number;

beforeAll(async () => {
  receiver = await startReceiver('0.0.0.0');
  port = receiver.port;
});
afterAll(async () => {
  await receiver?.stop();
});
beforeEach(() => {
  receiver.received = [];
  receiver.answer = (_, response) => void response.writeHead(204).end();
});

const body = Buffer.from('{}');
const posting = (options: GuardedPostOptions, url: string, within = 2_000) =>
  createGuardedPost(options)
    .post({ url, headers: { 'content-type': 'application/json' }, body, within }, new AbortController().signal)
    .then(
      ({ status }) => status as number | string,
      (error) => (error instanceof PostFailure ? error.kind : String(error)),
    );
const checking = (url: string, resolve?: GuardedPostOptions['resolve']) =>
  createGuardedPost({ allowPrivate: false, checkWithin: 100, ...(resolve && { resolve }) })
    .check(url)
    .then(
      () => 'allowed',
      (error) => (error instanceof PostFailure ? error.kind : String(error)),
    );
const at = (host: string) => `http://${host}:${port}/`;

/** This machine, in every notation that an address bar takes. */
const loopback = [
  '127.0.0.1', '127.0.0.1.', '127.1', '127.000.000.001', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '017700000001', '127.1.2.3', '0', '0.0.0.0',
  '%31%32%37.0.0.1', '１２７.0.0.1', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:7f00:1]', 'localhost', 'LOCALHOST', 'localhost.',
]; // biome-ignore format: a list of addresses

describe('an address that is not of the public internet', () => {
  test.each(loopback)('%s is refused when it is given and when it is called', async (host) => {
    expect(await checking(at(host))).toBe('forbidden');
    expect(await posting({ allowPrivate: false }, at(host))).toBe('forbidden');
    expect(receiver.received).toEqual([]);
  });

  test('leads here without the guard: each notation is a live attack', async () => {
    // A trailing dot behind a name is a matter of the resolver of the machine.
    for (const host of loopback)
      expect([host, await posting({ allowPrivate: true, resolve: async () => ['127.0.0.1'] }, at(host))]).toEqual([host, 204]);
    expect(receiver.received).toHaveLength(loopback.length);
  });

  test.each([
    ['private', ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1']],
    ['link-local', ['169.254.169.254', 'fe80::1', 'febf::1']],
    ['shared (CGNAT)', ['100.64.0.1', '100.127.255.254']],
    ['multicast and broadcast', ['224.0.0.1', '239.255.255.250', '255.255.255.255', 'ff02::1', 'ff0e::1']],
    ['unspecified', ['0.0.0.0', '0.1.2.3', '::']],
    ['reserved and of documentation', ['192.0.0.8', '192.0.2.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '240.0.0.1', '2001:db8::1', '3fff::1']],
    ['unique local and site-local', ['fc00::1', 'fd00:ec2::254', 'fec0::1']],
    ['mapped and compatible IPv4', ['::ffff:10.0.0.1', '::ffff:8.8.8.8', '::ffff:0:127.0.0.1', '::127.0.0.1', '::8.8.8.8']],
    ['translated, or in a tunnel', ['64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::1', '2002:7f00:1::', '2002:808:808::1', '2001::1', '2001:0:808:808::1', '100::1']],
    ['loopback', ['127.0.0.1', '127.255.255.254', '::1']],
    ['none', ['', 'localhost', '1', '08.8.8.8.8', 'fe80::1%eth0', '::1%lo']],
  ])('%s: refused by itself, and as what a name leads to', async (_, addresses) => {
    for (const address of addresses) {
      expect([address, isPublicAddress(address)]).toEqual([address, false]);
      const literal = address.includes(':') ? `[${address}]` : address;
      if (address.includes('.') || address.includes(':')) expect([address, await checking(`https://${literal}/`)]).toEqual([address, 'forbidden']);
      expect([address, await checking('https://name.example/', async () => [address])]).toEqual([address, 'forbidden']);
      expect([address, await posting({ allowPrivate: false, resolve: async () => [address] }, 'http://name.example/')]).toEqual([address, 'forbidden']);
    }
  }); // biome-ignore format: a table of addresses

  test('is refused where a name has it beside public ones', async () => {
    const resolve = async () => ['93.184.215.14', '127.0.0.1'];
    expect(await checking(at('both.example'), resolve)).toBe('forbidden');
    expect(await posting({ allowPrivate: false, resolve }, at('both.example'))).toBe('forbidden');
    expect(receiver.received).toEqual([]);
  });

  test('is not reached by a name that is another when it is asked again: what was looked at is dialled', async () => {
    let asked = 0;
    const rebinding = async () => [asked++ === 0 ? '93.184.215.14' : '127.0.0.1'];
    expect(await checking(at('rebind.example'), rebinding)).toBe('allowed');
    expect(await posting({ allowPrivate: false, resolve: rebinding }, at('rebind.example'))).toBe('forbidden');
    asked = 0;
    expect(await posting({ allowPrivate: false, resolve: rebinding }, at('rebind.example'), 200)).toMatch(/failed|timeout/);
    expect([asked, receiver.received]).toEqual([1, []]);
    // Without the guard, the same name leads here.
    asked = 1;
    expect(await posting({ allowPrivate: true, resolve: rebinding }, at('rebind.example'))).toBe(204);
  });

  test.each(['localhost.localdomain.localhost', 'printer', 'db.internal', 'nas.local', 'router.home.arpa', 'pc.lan'])(
    '%s is none of the internet by its name',
    async (host) => {
      expect(await checking(at(host), async () => ['93.184.215.14'])).toBe('forbidden');
    },
  );
});

describe('an address of the public internet', () => {
  test.each([
    '93.184.215.14',
    '8.8.8.8',
    '1.1.1.1',
    '100.63.255.255',
    '100.128.0.1',
    '172.32.0.1',
    '192.167.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001::1',
  ])('%s may be called', async (address) => {
    expect(isPublicAddress(address)).toBe(true);
    expect(await checking(`https://${address.includes(':') ? `[${address}]` : address}/`)).toBe('allowed');
    expect(await checking('https://name.example/hook', async () => [address])).toBe('allowed');
  });

  test('may be called at ports that are of the web, or of nobody', async () => {
    for (const [port, answer] of [['', 'allowed'], [':80', 'allowed'], [':443', 'allowed'], [':8443', 'allowed'], [':1024', 'allowed'], [':22', 'forbidden'], [':25', 'forbidden'], [':1023', 'forbidden']])
      expect([port, await checking(`http://93.184.215.14${port}/`)]).toEqual([port, answer]); // biome-ignore format: a table
  });

  test('is let pass when its name has no address just now, and not when that cannot be looked up in time', async () => {
    expect(await checking('https://away.example/', () => Promise.reject(new Error('ENOTFOUND')))).toBe('allowed');
    expect(await checking('https://slow.example/', () => new Promise(() => {}))).toBe('forbidden');
  });

  test('is of https alone where nothing may be sent in the clear', async () => {
    const guarded = createGuardedPost({ allowPrivate: false, requireHttps: true });
    await expect(guarded.check('http://93.184.215.14/')).rejects.toMatchObject({
      kind: 'forbidden',
      message: expect.stringContaining('https'),
    });
    await expect(guarded.check('https://93.184.215.14/')).resolves.toBeUndefined();
    const post = { url: 'http://93.184.215.14/', headers: {}, body: Buffer.from('{}'), within: 100 };
    await expect(guarded.post(post, new AbortController().signal)).rejects.toMatchObject({ kind: 'forbidden' });
  });
});

test.each([
  'ftp://93.184.215.14/',
  'file:///etc/passwd',
  'gopher://93.184.215.14/',
  'data:text/plain,x',
  'https://user@93.184.215.14/',
  'https://:word@93.184.215.14/',
])('%s is never called, not even where all addresses may be', async (url) => {
  expect(await checking(url)).toBe('forbidden');
  expect(await posting({ allowPrivate: true }, url)).toBe('forbidden');
});

describe('the other side', () => {
  const here = { allowPrivate: true };

  test('is not followed to where it redirects', async () => {
    const inside = await startReceiver();
    receiver.answer = (_, response) => void response.writeHead(307, { location: inside.url }).end();
    expect(await posting(here, at('127.0.0.1'))).toBe(307);
    expect(inside.received).toEqual([]);
    // It would have led there.
    expect((await fetch(at('127.0.0.1'), { method: 'POST', body: '{}' })).status).toBe(204);
    expect(inside.received).toHaveLength(1);
    await inside.stop();
  });

  test('has answered when the head of its answer is there, whatever comes behind it', async () => {
    receiver.answer = (_, response) => void response.writeHead(200).write('and so on');
    expect(await posting(here, at('127.0.0.1'))).toBe(200);
    let endless: NodeJS.Timeout | undefined;
    let cut = false;
    receiver.answer = (_, response) => {
      response.writeHead(500);
      endless = setInterval(() => response.write('x'.repeat(50_000)), 1);
      response.once('close', () => {
        cut = true;
        clearInterval(endless);
      });
    };
    expect(await posting(here, at('127.0.0.1'))).toBe(500);
    for (const end = performance.now() + 3_000; !cut && performance.now() < end; ) await new Promise(setImmediate);
    expect(cut).toBe(true);
  });

  const talks: [string, string, (socket: Socket) => unknown][] = [
    ['says nothing', 'timeout', () => {}],
    ['closes at once', 'failed', (socket: Socket) => void socket.destroy()],
    ['speaks another language', 'failed', (socket: Socket) => void socket.end('220 mail.example ESMTP\r\n')],
    ['drips its headers', 'timeout', (socket: Socket) => void socket.write('HTTP/1.1 200 OK\r\nx: ')],
    [
      'says that it switches',
      'failed',
      (socket: Socket) => void socket.write('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
    [
      'has no end of headers',
      'failed',
      (socket: Socket) => void socket.write(`HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(100)}`),
    ],
  ];
  test.each(talks)('that %s gives no answer: %s', async (_, kind, talk) => {
    const server: Server = createServer((socket) => {
      socket.on('error', () => {}).resume();
      talk(socket);
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port: other } = server.address() as { port: number };
    expect(await posting(here, `http://127.0.0.1:${other}/`, 150)).toBe(kind);
    await new Promise((closed) => server.close(closed));
    expect(await posting(here, `http://127.0.0.1:${other}/`)).toBe('failed');
  });
});
