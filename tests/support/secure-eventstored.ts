import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { launch } from './eventstored.ts';
import { freePort } from './free-port.ts';

/** A server with TLS, users and passwords. */
export interface SecureEventStored {
  port: number;
  /** The connection string of its administrator. */
  url: string;
  /** Gives the administrator another password than the one in `url`. */
  changePassword(): Promise<void>;
  stop(): Promise<void>;
}

const PASSWORD = 'changeit';
const READY_WITHIN_MS = 60_000;

export async function startSecureEventStored(): Promise<SecureEventStored> {
  const directory = await mkdtemp(join(await realpath(tmpdir()), 'tasktrail-secure-'));
  const file = (name: string) => join(directory, name);
  await makeCertificates(directory);
  const port = await freePort();
  const certificate = ['--certificate-file', file('node.crt'), '--certificate-private-key-file', file('node.key')];
  const trust = ['--trusted-root-certificates-path', file('ca')];
  const server = await launch(['--db', file('db'), '--node-port', String(port), ...certificate, ...trust], false);
  const ca = await readFile(file('ca/ca.crt'));
  const call = (method: string, path: string, body?: object) => send({ port, ca, method, path, auth: `admin:${PASSWORD}` }, body);
  for (const giveUpAt = performance.now() + READY_WITHIN_MS; ; await sleep(100)) {
    // The users are made a moment after the server answers.
    if ((await call('GET', '/users/admin').catch(() => 0)) === 200) break;
    if (performance.now() > giveUpAt) throw new Error('EventStoreDB with TLS did not start');
  }
  return {
    port,
    url: `esdb://admin:${PASSWORD}@127.0.0.1:${port}?tls=true&tlsCAFile=${encodeURIComponent(file('ca/ca.crt'))}`,
    async changePassword() {
      const status = await call('POST', '/users/admin/command/change-password', { currentPassword: PASSWORD, newPassword: 'another-1' });
      if (status !== 200) throw new Error(`The password could not be changed: ${status}`);
    },
    async stop() {
      await server.kill();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A CA, and the certificate of a server on 127.0.0.1. */
async function makeCertificates(directory: string): Promise<void> {
  const openssl = (...args: string[]) => promisify(execFile)('openssl', args, { cwd: directory });
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  await mkdir(join(directory, 'ca'));
  await openssl('req', '-x509', ...newKey, '-keyout', 'ca.key', '-out', 'ca/ca.crt', '-days', '2', '-subj', '/CN=tests CA');
  await openssl('req', ...newKey, '-keyout', 'node.key', '-out', 'node.csr', '-subj', '/CN=eventstoredb-node');
  await writeFile(
    join(directory, 'extensions'),
    'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature,keyEncipherment\n',
  );
  const by = ['-CA', 'ca/ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'extensions'];
  await openssl('x509', '-req', '-in', 'node.csr', '-out', 'node.crt', '-days', '2', ...by);
}

function send(options: RequestOptions, body?: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const sent = request({ host: '127.0.0.1', headers, agent: false, ...options }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
    sent.once('error', reject).end(body && JSON.stringify(body));
  });
}
