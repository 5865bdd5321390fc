import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { loadConfig, variables } from '../../src/config.ts';
import {
  type Compose,
  compose,
  composeText,
  environmentOf,
  instances,
  parseNginx,
  read,
  readme,
  root,
  type Service,
  services,
  within,
} from './files.ts';

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
    // Both instances keep what they record in one volume, each in a folder of its own; every other volume has one owner.
    const shared = used.filter((volume, index) => used.indexOf(volume) !== index);
    expect(shared).toEqual(['tasktrail-data']);
  });

  test('lets no container gain a privilege or fill the disk with its log, and mounts read-only where nothing else is needed', () => {
    for (const [name, service] of services) {
      expect({ name, ...service }).toMatchObject({
        name,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '5' } },
      });
    }
    expect(services.filter(([, { cap_add }]) => cap_add).map(([name]) => name)).toEqual(['postgres']);
    const written = services.filter(([, service]) => !service.read_only).map(([name]) => name);
    expect(written.sort()).toEqual(['bucket', 'eventstore', 'kafka', 'minio', 'postgres']);
    expect(compose.services.proxy!.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  test('publishes ports on loopback only, and the documented file opens one with TLS', () => {
    const published = services.flatMap(([, { ports = [] }]) => ports);
    expect(published.length).toBeGreaterThan(1);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
    const tls = parse(read('deploy/docker-compose.tls.yml')) as Pick<Compose, 'services'>;
    expect(Object.keys(tls.services)).toEqual(['proxy']);
    const { ports, volumes } = tls.services.proxy!;
    const [listen, ...options] = within(parseNginx(read('deploy/tls.conf')), 'listen')[0]!.words;
    expect([ports, options]).toEqual([[`443:${listen}`], ['ssl']]);
    expect(volumes![0]).toBe('./deploy/tls.conf:/etc/nginx/tls/tls.conf:ro');
    expect(readme).toContain('deploy/docker-compose.tls.yml');
  });

  test('hands on what .env says of every address and secret, an empty one where a part can be left out', () => {
    const [, instance] = instances[0]!;
    const given = {
      ...{ DATABASE_URL: 'postgres://own@db/tasks', EVENTSTORE_URL: 'esdb://own:2113?tls=true', KAFKA_BROKERS: 'own:9092' },
      ...{ SMTP_URL: 'smtps://own', S3_ENDPOINT: 'https://own', S3_BUCKET: 'own', S3_ACCESS_KEY_ID: 'own', S3_SECRET_ACCESS_KEY: 'own' },
    };
    expect(environmentOf(instance, given)).toMatchObject(given);
    const without = { EVENTSTORE_URL: '', KAFKA_BROKERS: '', SMTP_URL: '' };
    expect(environmentOf(instance, without)).toMatchObject(without);
  });

  test('passes the commit on, which the image reports', () => {
    for (const [, { build }] of instances) expect(build).toMatchObject({ context: '.', args: { COMMIT: `$${'{'}COMMIT:-}` } });
    expect(composeText).toContain('COMMIT=$(git rev-parse HEAD) docker compose up');
    expect(readme).toContain('COMMIT=$(git rev-parse HEAD) docker compose up');
  });

  test('says in its head and in the README how .env gets the secrets without which it does not start', () => {
    const required = [...composeText.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!);
    for (const text of [composeText, readme]) {
      expect(text).toContain('cp .env.example .env');
      const [, names = ''] = /for name in ([A-Z0-9_ ]+); do/.exec(text) ?? [];
      expect([...new Set(required)].sort()).toEqual(names.split(' ').sort());
    }
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
    expect(() => environmentOf({ environment: { KEY: `$${'{'}MASTER_KEY_OF_NONE:?required}` } })).toThrow('required');
    const asked = [...composeText.matchAll(/\$\{(\w+)/g)].map(([, name]) => name!);
    expect(asked.filter((name) => !variables.includes(name) && name !== 'COMMIT' && name !== 'name')).toEqual([]);
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
      accessKeyId: environmentOf(minio!).MINIO_ROOT_USER,
      secretAccessKey: environmentOf(minio!).MINIO_ROOT_PASSWORD,
    });
    expect(minio!.command).toEqual(['server', minio!.volumes![0]!.split(':')[1], '--address', ':9000']);
    expect(String(bucket!.command)).toContain('store/$$BUCKET');
    expect(environmentOf(bucket!).BUCKET).toBe(environmentOf(instances[0]![1]).S3_BUCKET);
    expect(proxy!.ports).toEqual([`127.0.0.1:${new URL(publicUrl!).port}:8080`]);
    for (const [, { environment, healthcheck }] of instances) expect(healthcheck!.test.join(' ')).toContain(`:${environment!.PORT}/ready`);
  });
});
