import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { startEmbeddedPostgres } from '../../src/platform/postgres/embedded.ts';
import { killWithThisProcess } from '../../tests/support/service-process.ts';
import type { Stage } from './benchmark.ts';
import { type ServerProcess, startServer } from './server-process.ts';

const root = join(import.meta.dirname, '..', '..');

export interface Service extends ServerProcess {
  /** Of the first admin, who may do everything. */
  token: string;
  /** Asks the API, below /api/v1, as the first admin or with another token. @throws Error on an answer of 400 and above */
  // biome-ignore lint/suspicious/noExplicitAny: of an answer that is known by the request
  ask(method: string, path: string, body?: unknown, token?: string): Promise<any>;
}

/** What `npm start` gives Node beside the file to run. */
const startOptions = manifest.scripts.start.split(' ').slice(1, -1);

export const firstAdmin = { username: 'admin', password: 'Adm1nistrator', email: 'admin@tasks.test' };

/** A PostgreSQL server as the service brings it, flushing to disk as ever. @returns its connection string */
export async function startPostgres({ closing, directory }: Pick<Stage, 'closing' | 'directory'>): Promise<string> {
  const server = await startEmbeddedPostgres({
    directory: join(directory, 'postgres'),
    log: () => {},
    // The baselines come to it too.
    settings: { max_connections: '200' },
  });
  const release = killWithThisProcess(server.pid);
  closing.add('PostgreSQL', () => server.stop().finally(release));
  return server.connectionString;
}

/** The service as `npm start` runs it, its log and its limits as they come, but for how often one person may ask. */
export async function startService(
  stage: Stage,
  environment: Record<string, string>,
  nodeOptions: readonly string[] = [],
): Promise<Service> {
  const directory = join(stage.directory, 'service');
  await mkdir(directory, { recursive: true });
  const server = await startServer(
    stage,
    join(root, 'src', 'main.ts'),
    {
      DATA_DIR: directory,
      PORT: '0',
      ADMIN_USERNAME: firstAdmin.username,
      ADMIN_PASSWORD: firstAdmin.password,
      ADMIN_EMAIL: firstAdmin.email,
      ACCESS_TOKEN_EXPIRE_MINUTES: '1440',
      // Counted as ever, and never reached.
      RATE_LIMIT_USER_PER_MINUTE: '1000000',
      // Of those who are not signed in; with it goes how many may register in an hour.
      RATE_LIMIT_PER_MINUTE: '0',
      RATE_LIMIT_LOGIN_PER_MINUTE: '0',
      ...environment,
    },
    [...startOptions, ...nodeOptions, ...(process.env.PROFILE ? ['--cpu-prof', `--cpu-prof-dir=${process.env.PROFILE}`] : [])],
  );
  const ask = (method: string, path: string, body?: unknown, as?: string) => askAt(server, `/api/v1${path}`, method, body, as);
  const { access_token: token } = await ask('POST', '/auth/login', { username: firstAdmin.username, password: firstAdmin.password });
  return { ...server, token, ask: (method, path, body, as = token) => ask(method, path, body, as) };
}

/** @throws Error on an answer of 400 and above */
// biome-ignore lint/suspicious/noExplicitAny: of an answer that is known by the request
export async function askAt({ port }: ServerProcess, path: string, method: string, body?: unknown, token?: string): Promise<any> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

export interface Person {
  username: string;
  password: string;
  token: string;
}

/** Somebody new, without any rights but everybody's. */
export async function register({ ask }: Service, username: string): Promise<Person> {
  const password = 'Passw0rd-of-mine';
  const { access_token: token } = await ask('POST', '/auth/register', { email: `${username}@tasks.test`, username, password });
  return { username, password, token };
}

/** What subject and baseline are held against each other with. */
export function startBaseline(stage: Stage, name: string, environment: Record<string, string>): Promise<ServerProcess> {
  return startServer(stage, join(root, 'bench', 'baselines', name), environment);
}
