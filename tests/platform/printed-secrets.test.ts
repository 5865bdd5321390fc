import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { maskSecrets, secretsIn } from '../../src/platform/console-log.ts';
import { createTestDatabase } from '../support/postgres.ts';
import { keys } from '../support/service.ts';
import { inherited } from '../support/service-process.ts';
import { dataDirectory } from '../tools/run-tool.ts';

jest.setTimeout(60_000);

const CANARY = 'c4nary-of-a-password';
const TIMEOUT_MS = 30_000;
/** A service that waits for its servers has said enough after so many. */
const LINES = 4;
const directory = dataDirectory();
afterAll(() => directory.remove());

/** What a real process of the service prints, to both of its outputs, until it ends or has said enough. */
async function printed(environment: Record<string, string>, without: readonly string[] = [], awaited?: string): Promise<string> {
  await writeFile(join(directory.path, 'without'), without.join('\n'));
  const child = spawn(process.execPath, [join(import.meta.dirname, '..', 'support', 'weakened-service.ts')], {
    cwd: directory.path,
    env: {
      ...inherited(),
      ...keys,
      PORT: '0',
      DATA_DIR: directory.path,
      DATABASE_URL: UNREACHABLE.DATABASE_URL!,
      ENVIRONMENT: 'test',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const output = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (some: string) => (output.text += some));
  const isEnough = async () => {
    for (const giveUpAt = performance.now() + TIMEOUT_MS; performance.now() < giveUpAt; await sleep(100))
      if (awaited === undefined ? output.text.split('\n').length > LINES : output.text.includes(awaited)) return;
  };
  await Promise.race([exit, isEnough()]);
  child.kill('SIGKILL');
  await exit;
  return output.text;
}

const UNREACHABLE: Record<string, string> = { DATABASE_URL: `postgres://user:${CANARY}@127.0.0.1:1/tasks` };
const eventStore = (options: string) => ({ EVENTSTORE_URL: `esdb://admin:${CANARY}@127.0.0.1:1${options}` });

describe('no secret is printed', () => {
  test.each([
    [
      'an option that the client does not know',
      eventStore('?tls=false&connectTimeout=3'),
      'has the option connectTimeout, which the client',
    ],
    ['a certificate that is not verified', eventStore('?tlsVerifyCert=false'), 'has the option tlsVerifyCert, which must not be false'],
    ['a flag that is none', eventStore(`?tls=${CANARY}`), 'has the option tls, which must be true or false'],
    ['a file that does not exist', eventStore('?tlsCAFile=/nowhere/ca.pem'), 'has the option tlsCAFile, which must be a file that exists'],
    ['a number that is none', eventStore('?keepAliveInterval=soon'), 'has the option keepAliveInterval, which must be a whole number'],
  ])('of EVENTSTORE_URL with %s, which is refused before anything starts', async (_, environment, said) => {
    const output = await printed(environment);
    expect(output).toContain(`EVENTSTORE_URL ${said}`);
    expect(output).not.toContain(CANARY);
    expect(output).not.toContain('listening');
  });

  test('of servers that cannot be reached', async () => {
    const output = await printed({
      ...UNREACHABLE,
      ...eventStore('?tls=false'),
      SMTP_URL: `smtp://user:${CANARY}@127.0.0.1:1`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:${CANARY}@127.0.0.1:1`,
    });
    expect(output).not.toBe('');
    expect(output).not.toContain(CANARY);
  });
});

test.each([
  ['the options are not checked: what the client prints is masked', ['options of EVENTSTORE_URL are checked'], false],
  [
    'nothing is masked either: the client prints the password',
    ['options of EVENTSTORE_URL are checked', 'the console of libraries is masked'],
    true,
  ],
] as const)('where %s', async (_, without, isPrinted) => {
  const database = await createTestDatabase();
  try {
    const environment = { DATABASE_URL: database.connectionString, ...eventStore('?tls=false&connectTimeout=3') };
    const output = await printed(environment, without, 'Unknown option key');
    expect(output).toContain('Unknown option key');
    expect(output.includes(CANARY)).toBe(isPrinted);
  } finally {
    await database.drop();
  }
});

test('what a library prints comes into the log without the values and the credentials of addresses', () => {
  const url = `esdb://admin:${CANARY}%21@host:2113?x=1`;
  const secrets = secretsIn(url);
  expect(secrets).toEqual([url, `${CANARY}%21`, `${CANARY}!`]);
  for (const said of [`Using ${url}`, `password ${CANARY}!`, `other postgres://user:${CANARY}@host`]) {
    expect(maskSecrets(said, secrets)).not.toContain(CANARY);
  }
  expect(maskSecrets('a plain sentence', ['abc', ''])).toBe('a plain sentence');
});
