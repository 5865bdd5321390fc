import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { defaults, loadConfig, variables } from '../src/config.ts';

// There is no engine here to run them: what these files say is held against each other, and against the service.

const root = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(root, file), 'utf8');

interface Service {
  image?: string;
  build?: string;
  command?: string | string[];
  environment?: Record<string, string>;
  env_file?: string[];
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number };
  restart?: string;
  stop_grace_period?: string;
}
interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean } | null>;
}

const composeText = read('docker-compose.yml');
const compose = parse(composeText, { merge: true }) as Compose;
const services = Object.entries(compose.services);
const instances = services.filter(([, { build }]) => build !== undefined);
const examples = read('.env.example');
const packageJson = JSON.parse(read('package.json')) as { version: string; scripts: Record<string, string> };

/** Instructions of a Dockerfile, continued lines joined, comments left out. */
const dockerfile = read('Dockerfile')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line))
  .map((line) => {
    const [, instruction, rest] = /^([A-Z]+) (.*)$/.exec(line)!;
    return { instruction: instruction!, rest: rest! };
  });
const ofDockerfile = (wanted: string) => dockerfile.filter(({ instruction }) => instruction === wanted).map(({ rest }) => rest);

/** Directives of an nginx configuration: a name, words, and what is in its braces. */
interface Directive {
  name: string;
  words: string[];
  block: Directive[] | null;
}
function parseNginx(text: string): Directive[] {
  const tokens = text.replace(/#.*$/gm, '').match(/"[^"]*"|[{};]|[^\s{};"]+/g) ?? [];
  const blockFrom = (): Directive[] => {
    const directives: Directive[] = [];
    for (let words: string[] = []; ; ) {
      const token = tokens.shift();
      if (token === undefined || token === '}') {
        expect(words).toEqual([]);
        return directives;
      }
      if (token !== ';' && token !== '{') {
        words.push(token);
        continue;
      }
      const [name, ...rest] = words;
      directives.push({ name: name!, words: rest, block: token === '{' ? blockFrom() : null });
      words = [];
    }
  };
  const directives = blockFrom();
  expect(tokens).toEqual([]);
  return directives;
}
const within = (directives: readonly Directive[], name: string) => directives.filter((directive) => directive.name === name);

/** What compose makes of `${NAME:-default}` and `${NAME:?message}` with these values. */
function interpolated(text: string, values: Record<string, string>): string {
  return text.replace(/\$\{(\w+):([-?])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
    if (values[name]) return values[name];
    if (kind === '?') throw new Error(`${name}: ${rest}`);
    return rest;
  });
}
const keys = Object.fromEntries(['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY', 'S3_SECRET_ACCESS_KEY'].map((name) => [name, name.repeat(4)]));
const environmentOf = (service: Service) =>
  Object.fromEntries(Object.entries(service.environment ?? {}).map(([name, value]) => [name, interpolated(String(value), keys)]));

describe('docker-compose.yml', () => {
  test('has every part, with a pinned image, a restart and a health check', () => {
    expect(services.map(([name]) => name).sort()).toEqual(
      ['bucket', 'eventstore', 'kafka', 'mailpit', 'minio', 'postgres', 'proxy', 'tasktrail-1', 'tasktrail-2'].sort(),
    );
    for (const [name, { image, healthcheck, restart }] of services) {
      expect(image).toMatch(/^[\w./-]+:[\w.-]*\d[\w.-]*$/);
      expect(image).not.toContain('latest');
      if (name === 'bucket') continue;
      expect(restart).toBe('unless-stopped');
      expect(healthcheck).toMatchObject({
        test: expect.arrayContaining(['CMD']),
        interval: expect.any(String),
        timeout: expect.any(String),
      });
    }
    expect(composeText).not.toMatch(/:latest/);
  });

  test('names no service, volume, network or file that is not there', () => {
    for (const [, { depends_on = {}, volumes = [], networks = [], env_file = [] }] of services) {
      for (const [needed, { condition }] of Object.entries(depends_on)) {
        expect(Object.keys(compose.services)).toContain(needed);
        expect(condition === 'service_healthy').toBe(compose.services[needed]!.healthcheck !== undefined);
      }
      for (const volume of volumes) {
        const [from] = volume.split(':') as [string];
        if (from.startsWith('.')) expect(existsSync(join(root, from))).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(from);
      }
      for (const network of networks) expect(Object.keys(compose.networks)).toContain(network);
      for (const file of env_file) expect(`${file}.example`).toBe('.env.example');
    }
    const used = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0]!));
    expect(Object.keys(compose.volumes).filter((volume) => !used.includes(volume))).toEqual([]);
    expect(new Set(used).size).toBe(used.length);
  });

  test('keeps what has data in a volume, on a network that only the parts are on, and publishes none of it', () => {
    expect(compose.networks.parts).toMatchObject({ internal: true });
    for (const name of ['postgres', 'eventstore', 'kafka', 'minio']) {
      const { volumes, ports, networks } = compose.services[name]!;
      expect({ name, ports, networks }).toEqual({ name, ports: undefined, networks: ['parts'] });
      expect(volumes!.length).toBeGreaterThan(0);
    }
    expect(compose.services.postgres!.volumes).toContain('postgres-data:/var/lib/postgresql');
    expect(compose.services.postgres!.image).toMatch(/^postgres:18\./);
  });

  test('gives the instances variables that the service knows, with values that it takes', () => {
    expect(instances).toHaveLength(2);
    for (const [, instance] of instances) {
      const environment = environmentOf(instance);
      expect(Object.keys(environment).filter((name) => !variables.includes(name))).toEqual([]);
      const config = loadConfig(environment);
      expect(config).toMatchObject({ environment: 'production', host: '0.0.0.0', trustProxy: 1, port: 8000, kafka: {}, s3: {} });
      expect(Number.parseInt(instance.stop_grace_period!, 10)).toBeGreaterThan(config.shutdownSeconds + 3);
    }
    expect(() => environmentOf({ environment: { KEY: `$${'{'}MASTER_KEY_OF_NOBODY:?required}` } })).toThrow('required');
    const asked = [...composeText.matchAll(/\$\{(\w+)/g)].map(([, name]) => name!);
    expect(asked.filter((name) => !variables.includes(name))).toEqual([]);
    expect(asked).toEqual(expect.arrayContaining(['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY', 'S3_SECRET_ACCESS_KEY', 'PUBLIC_URL']));
  });

  test('lets the instances find every part where it is', () => {
    const { database, eventStoreUrl, kafka, mail, s3, publicUrl } = loadConfig(environmentOf(instances[0]![1]));
    const { postgres, eventstore, kafka: broker, mailpit, minio, proxy, bucket } = compose.services as Record<string, Service>;
    const db = new URL(database.url!);
    expect(postgres!.environment).toEqual({
      POSTGRES_USER: db.username,
      POSTGRES_PASSWORD: db.password,
      POSTGRES_DB: db.pathname.slice(1),
    });
    expect(db.host).toBe('postgres:5432');
    expect(postgres!.healthcheck!.test).toEqual(['CMD', 'pg_isready', '-h', '127.0.0.1', '-U', db.username, '-d', db.pathname.slice(1)]);
    const events = new URL(eventStoreUrl!);
    expect(events.host).toBe(`eventstore:${eventstore!.environment!.EVENTSTORE_NODE_PORT}`);
    expect(events.searchParams.get('tls') === 'false').toBe(eventstore!.environment!.EVENTSTORE_INSECURE === 'true');
    expect(eventstore!.healthcheck!.test.join(' ')).toContain(`:${events.port}/health/live`);
    const { KAFKA_LISTENERS, KAFKA_ADVERTISED_LISTENERS, KAFKA_CONTROLLER_QUORUM_VOTERS, CLUSTER_ID } = broker!.environment!;
    expect(kafka).toMatchObject({ brokers: [KAFKA_ADVERTISED_LISTENERS!.replace('PLAINTEXT://', '')] });
    expect(kafka).toMatchObject({ brokers: ['kafka:9092'] });
    expect(KAFKA_LISTENERS).toBe('PLAINTEXT://:9092,CONTROLLER://:9093');
    expect(KAFKA_CONTROLLER_QUORUM_VOTERS).toBe(`${broker!.environment!.KAFKA_NODE_ID}@kafka:9093`);
    expect(Buffer.from(CLUSTER_ID!, 'base64url')).toHaveLength(16);
    expect(broker!.volumes![0]!.split(':')[1]).toBe(broker!.environment!.KAFKA_LOG_DIRS);
    expect(broker!.healthcheck!.test.at(-1)).toBe('kafka:9092');
    expect(new URL(mail.smtpUrl!).host).toBe('mailpit:1025');
    expect(mailpit!.environment!.MP_DATABASE!.startsWith(mailpit!.volumes![0]!.split(':')[1]!)).toBe(true);
    expect(mailpit!.ports).toEqual(['127.0.0.1:8025:8025']);
    expect(s3).toMatchObject({
      endpoint: 'http://minio:9000',
      accessKeyId: minio!.environment!.MINIO_ROOT_USER,
      secretAccessKey: environmentOf(minio!).MINIO_ROOT_PASSWORD,
    });
    expect(minio!.command).toEqual(['server', minio!.volumes![0]!.split(':')[1], '--address', ':9000']);
    expect(String(bucket!.command)).toContain(`store/${environmentOf(instances[0]![1]).S3_BUCKET}`);
    expect(proxy!.ports).toEqual([`${new URL(publicUrl!).port}:8080`]);
    for (const [, { environment, healthcheck }] of instances) expect(healthcheck!.test.join(' ')).toContain(`:${environment!.PORT}/ready`);
  });
});

describe('deploy/nginx.conf', () => {
  const [http] = within(parseNginx(read('deploy/nginx.conf')), 'http');
  const [upstream] = within(http!.block!, 'upstream');
  const [server] = within(http!.block!, 'server');

  test('is where compose puts it, and listens where compose publishes', () => {
    const { proxy } = compose.services;
    expect(proxy!.volumes).toEqual(['./deploy/nginx.conf:/etc/nginx/nginx.conf:ro']);
    const [listen] = within(server!.block!, 'listen');
    expect(listen!.words).toEqual([proxy!.ports![0]!.split(':')[1]]);
    expect(proxy!.healthcheck!.test.at(-1)).toBe(`http://127.0.0.1:${listen!.words[0]}/health`);
  });

  test('spreads requests over the instances, all of them', () => {
    expect(within(upstream!.block!, 'server').map(({ words }) => words[0])).toEqual(
      instances.map(([name, { environment }]) => `${name}:${environment!.PORT}`),
    );
    expect(within(upstream!.block!, 'zone')).toHaveLength(1);
    const locations = within(server!.block!, 'location');
    expect(locations.map(({ words }) => words[0])).toContain('/');
    for (const { block } of locations) expect(within(block!, 'proxy_pass')[0]!.words).toEqual([`http://${upstream!.words[0]}`]);
  });

  test('tells the instance who called, lets uploads through, and waits for open streams', () => {
    const headers = Object.fromEntries(within(server!.block!, 'proxy_set_header').map(({ words }) => words as [string, string]));
    expect(headers).toMatchObject({ 'X-Forwarded-For': '$proxy_add_x_forwarded_for', Host: '$http_host', Connection: '""' });
    const { files } = loadConfig({});
    expect(Number.parseInt(within(server!.block!, 'client_max_body_size')[0]!.words[0]!, 10) * 2 ** 20).toBeGreaterThan(files.maxSize);
    expect(Number.parseInt(within(server!.block!, 'proxy_read_timeout')[0]!.words[0]!, 10)).toBeGreaterThan(15);
    expect(Number.parseInt(within(upstream!.block!, 'keepalive_timeout')[0]!.words[0]!, 10)).toBeLessThan(65);
    const unbuffered = within(server!.block!, 'location').filter(({ block }) => within(block!, 'proxy_buffering')[0]?.words[0] === 'off');
    const passes = (path: string) => unbuffered.some(({ words }) => words[0] === '~' && new RegExp(words[1]!).test(path));
    for (const path of ['events/stream', 'activity/tasks/1/replay', 'files/1', 'tasks/1/files'])
      expect(passes(`/api/v1/${path}`)).toBe(true);
    expect(passes('/api/v1/tasks/1')).toBe(false);
  });
});

describe('Dockerfile', () => {
  test('installs in a stage that stays behind, from the Node that the project pins', () => {
    const stages = ofDockerfile('FROM');
    expect(stages).toHaveLength(2);
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, { version: string }> };
    for (const stage of stages) expect(stage.split(' ')[0]).toBe(`node:${lock.packages['node_modules/node']!.version}-bookworm-slim`);
    expect(ofDockerfile('RUN').join('\n')).toContain('npm ci --omit=dev');
    expect(instances[0]![1].image).toBe(`tasktrail:${packageJson.version}`);
  });

  test('copies files that are there and that .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const copied = ofDockerfile('COPY')
      .filter((rest) => !rest.startsWith('--from='))
      .flatMap((rest) => rest.split(' ').slice(0, -1));
    expect(copied.sort()).toEqual(['package-lock.json', 'package.json', 'package.json', 'src']);
    for (const file of copied) {
      expect(existsSync(join(root, file))).toBe(true);
      expect(allowed).toContain(file);
    }
    expect(ofDockerfile('COPY').filter((rest) => rest.startsWith('--from='))).toEqual(['--from=packages /app/node_modules ./node_modules']);
    expect(ofDockerfile('FROM')[0]).toMatch(/ AS packages$/);
  });

  test('runs the service as nobody in particular, with its data in a volume of that user, and says how it is', () => {
    expect(ofDockerfile('USER')).toEqual(['node']);
    const settings = Object.fromEntries(
      ofDockerfile('ENV').flatMap((rest) => rest.split(' ').map((pair) => pair.split('=') as [string, string])),
    );
    expect(Object.keys(settings).filter((name) => name !== 'NODE_ENV' && !variables.includes(name))).toEqual([]);
    expect(loadConfig(settings)).toMatchObject({ host: '0.0.0.0', port: 8000, dataDir: '/data' });
    expect(ofDockerfile('VOLUME')).toEqual([settings.DATA_DIR]);
    expect(ofDockerfile('EXPOSE')).toEqual([settings.PORT]);
    const [healthcheck] = ofDockerfile('HEALTHCHECK');
    expect(healthcheck).toMatch(/process\.env\.PORT\}\/health`/);
    const [command] = ofDockerfile('CMD').map((rest) => JSON.parse(rest) as string[]);
    expect(packageJson.scripts.start).toBe(command!.join(' '));
    expect(existsSync(join(root, command!.at(-1)!))).toBe(true);
  });
});

/** The rows of the README's table of variables. */
function configurationRows(): string[] {
  const table = /## Configuration\n[\s\S]*?\n(\|[\s\S]*?)\n\n/.exec(read('README.md'))![1]!;
  return table.split('\n').slice(2);
}

/** A default as it is written in that table: in code, or a number, or a flag. Anything else says what there is instead of one. */
function asDefault(written: string): string {
  const code = /^`([^`]*)`$/.exec(written);
  if (code) return code[1]!.replace(/, /g, ',');
  return /^(?:[\d.]+|true|false)$/.test(written) ? written : '';
}

describe('.env.example and the README', () => {
  test('name the variables that the service reads, each once, and no others', () => {
    const named = [...examples.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name!);
    expect(named.toSorted()).toEqual(variables.toSorted());
    const inTable = configurationRows().flatMap((row) => [...row.split('|')[1]!.matchAll(/`([A-Z][A-Z0-9_]*)`/g)].map(([, name]) => name!));
    expect(inTable.toSorted()).toEqual(variables.toSorted());
  });

  test('give the defaults that the service has', () => {
    const given = [...examples.matchAll(/^#([A-Z][A-Z0-9_]*)=(.+)$/gm)].map(([, name, value]) => [name!, value!]);
    expect(given.length).toBeGreaterThan(20);
    expect(loadConfig(Object.fromEntries(given))).toEqual(loadConfig({}));
    expect({ ...Object.fromEntries(variables.map((name) => [name, ''])), ...Object.fromEntries(given) }).toEqual(defaults());
  });

  test('the README gives them too, in the order of the names, and has words only where there is none', () => {
    const written = configurationRows().flatMap((row) => {
      const [, first, second] = row.split('|') as [string, string, string];
      const names = [...first.matchAll(/`([A-Z][A-Z0-9_]*)`/g)].map(([, name]) => name!);
      const values = second.match(/(?:`[^`]*`|[^,`])+/g)!.map((value) => value.trim());
      expect([row, [1, names.length]]).toEqual([row, expect.arrayContaining([values.length])]);
      return names.map((name, n) => [name, asDefault(values[n] ?? values[0]!)]);
    });
    expect(Object.fromEntries(written)).toEqual(defaults());
  });
});
