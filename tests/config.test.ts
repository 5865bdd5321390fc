import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig, readEnvironment, secretVariables, variables } from '../src/config.ts';
import { configWarnings } from '../src/config-warnings.ts';

const keys = {
  SECRET_KEY: 'tokens 0123456789 abcdefghijklmnop',
  MASTER_KEY: 'data keys 0123456789 abcdefghijklm',
  SIGNING_KEY: 'log heads 0123456789 abcdefghijklm',
};
const folder = mkdtempSync(path.join(tmpdir(), 'tasktrail-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function mistakes(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).mistakes;
  }
}

describe('without any variable', () => {
  test('everything has its default', () => {
    expect(loadConfig({})).toMatchObject({
      environment: 'development',
      port: 8000,
      host: '127.0.0.1',
      dataDir: './data',
      database: { url: undefined, poolMax: 10 },
      kafka: undefined,
      s3: undefined,
      registration: 'open',
      accessTokenMinutes: 30,
      refreshTokenDays: 7,
      rateLimitsPerMinute: { anonymous: 60, user: 600, login: 10 },
      corsOrigins: [],
      trustProxy: false,
      log: { level: 'info', format: 'json' },
      files: { maxSize: 10_485_760, retentionDays: 7 },
      webhookAllowPrivate: false,
      shutdownSeconds: 10,
    });
    expect(loadConfig({}).files.extensions.join()).toBe('.jpg,.jpeg,.png,.gif,.webp,.pdf,.txt,.md,.csv,.doc,.docx,.xlsx,.zip');
  });

  test('an empty one counts as none', () => {
    expect(loadConfig({ PORT: '', DATABASE_URL: ' ', CORS_ORIGINS: '' })).toEqual(loadConfig({}));
  });
});

describe('what is given', () => {
  test('is taken, under its other names too', () => {
    expect(loadConfig({ SERVER_PORT: '0', SERVER_HOST: '0.0.0.0', FRONTEND_URL: 'https://tasks.example' })).toMatchObject({
      port: 0,
      host: '0.0.0.0',
      publicUrl: 'https://tasks.example',
    });
    expect(loadConfig({ PORT: '9000', SERVER_PORT: '8000' }).port).toBe(9000);
  });

  test.each([
    ['https://a.example, https://b.example:8443/', ['https://a.example', 'https://b.example:8443']],
    ['["https://a.example","http://localhost:3000"]', ['https://a.example', 'http://localhost:3000']],
    ['*', ['*']],
  ])('lists come with commas or as JSON: %s', (given, expected) => {
    expect(loadConfig({ CORS_ORIGINS: given }).corsOrigins).toEqual(expected);
  });

  test.each([
    ['true', true],
    ['no', false],
    ['2', 2],
    ['loopback, 10.0.0.0/8', ['loopback', '10.0.0.0/8']],
    ['["192.0.2.7","2001:db8::/32"]', ['192.0.2.7', '2001:db8::/32']],
  ])('proxies are trusted by count or address: %s', (given, expected) => {
    expect(loadConfig({ TRUST_PROXY: given }).trustProxy).toEqual(expected);
  });

  test('secrets may be in files of their own, without a final line break; both forms together, and no such file, are mistakes', () => {
    const file = path.join(folder, 'secret');
    writeFileSync(file, `${keys.SECRET_KEY}\n`);
    const given = { SECRET_KEY_FILE: file, MASTER_KEY_FILE: file, SMTP_URL_FILE: file };
    expect(mistakes(given)).toEqual(['SMTP_URL must begin with smtp:// or smtps://']);
    expect(loadConfig({ SECRET_KEY_FILE: file }).keys.secret).toBe(keys.SECRET_KEY);
    for (const name of secretVariables.filter((name) => variables.includes(name))) {
      writeFileSync(file, 'postgres://user:secret@db/tasks\n');
      expect(mistakes({ [name]: 'given', [`${name}_FILE`]: file })).toContain(`${name} and ${name}_FILE are both set: set one of them`);
      expect(mistakes({ [`${name}_FILE`]: `${file}-elsewhere` })).toContain(`${name}_FILE cannot be read (ENOENT)`);
    }
    expect(loadConfig({ DATABASE_URL_FILE: file }).database.url).toBe('postgres://user:secret@db/tasks');
    expect(mistakes({ FORMER_MASTER_KEY: keys.MASTER_KEY })).toEqual(['MASTER_KEY is required with FORMER_MASTER_KEY']);
  });

  test('Kafka is on when there are brokers', () => {
    expect(loadConfig({ KAFKA_BROKERS: 'a:9092,b:9092', KAFKA_SSL: 'true' }).kafka).toEqual({
      brokers: ['a:9092', 'b:9092'],
      topic: 'tasktrail.events',
      tls: {},
      sasl: undefined,
    });
  });

  test.each([
    [{ DEBUG: 'true' }, 'debug', 'json'],
    [{ DEBUG: 'express:*' }, 'info', 'json'],
    [{ DEBUG: 'true', LOG_LEVEL: 'warn' }, 'warn', 'json'],
    [{ LOG_LEVEL: 'WARN', LOG_FORMAT: 'standard' }, 'warn', 'pretty'],
    [{ LOG_FORMAT: 'pretty' }, 'info', 'pretty'],
  ])('the log is as wished: %j', (given, level, format) => {
    expect(loadConfig(given as unknown as Record<string, string>).log).toEqual({ level, format });
  });
});

describe('what is wrong', () => {
  test('is told all at once, each by its name', () => {
    expect(
      mistakes({
        PORT: '70000',
        DATABASE_URL: 'mysql://db',
        EVENTSTORE_URL: 'http://store',
        KAFKA_BROKERS: 'broker',
        KAFKA_SASL_MECHANISM: 'plain',
        SECRET_KEY: 'short',
        ADMIN_EMAIL: 'nobody',
        ADMIN_PASSWORD: 'abcdefgh',
        REGISTRATION: 'perhaps',
        RATE_LIMIT_PER_MINUTE: '-1',
        CORS_ORIGINS: 'https://a.example/path',
        LOG_LEVEL: 'loud',
        PUBLIC_URL: 'tasks.example',
        S3_ENDPOINT: 'https://s3.example',
        ALLOWED_EXTENSIONS: 'exe',
        WEBHOOK_ALLOW_PRIVATE: 'sometimes',
        SHUTDOWN_SECONDS: '1.5',
      }),
    ).toEqual([
      'PORT must be a whole number from 0 to 65535',
      'SHUTDOWN_SECONDS must be a whole number from 0 to 3600',
      'DATABASE_URL must begin with postgres:// or postgresql://',
      expect.stringMatching(/^EVENTSTORE_URL must begin with esdb:\/\//),
      'KAFKA_BROKERS must be host:port, with a port from 1 to 65535',
      'SECRET_KEY must have at least 32 characters',
      'ADMIN_EMAIL must be an e-mail address, with ASCII characters before the @',
      'ADMIN_PASSWORD must contain an upper-case letter, or have at least 15 characters',
      'ADMIN_PASSWORD must contain a digit, or have at least 15 characters',
      'REGISTRATION must be one of open, closed',
      'RATE_LIMIT_PER_MINUTE must be a whole number from 0 to 1000000',
      'CORS_ORIGINS must be an origin, as in https://tasks.example, or *',
      expect.stringMatching(/^LOG_LEVEL must be one of trace, debug/),
      'PUBLIC_URL must begin with http:// or https://',
      'ALLOWED_EXTENSIONS must be an extension, as in .pdf',
      'WEBHOOK_ALLOW_PRIVATE must be true or false',
      'KAFKA_SASL_USERNAME is required with KAFKA_SASL_MECHANISM',
      'KAFKA_SASL_PASSWORD is required with KAFKA_SASL_MECHANISM',
      'S3_BUCKET is required with S3_ENDPOINT',
    ]);
  });

  test.each(['nginx', '10.0.0.0/33', '10.0.0.0/0', '10.0.0', '-1', '10.0.0.1;10.0.0.2', '["10.0.0.1"'])(
    'no proxy is trusted by %s',
    (given) => {
      expect(mistakes({ TRUST_PROXY: given })).toEqual([expect.stringMatching(/^TRUST_PROXY must be /)]);
    },
  );

  test.each([
    ['DATABASE_URL', 'postgres://ann:canary@host:port/database'],
    ['DATABASE_URL', 'postgres://ann:canary@[host/database'],
    ['EVENTSTORE_URL', 'esdb://admin:canary@host:port'],
    ['EVENTSTORE_URL', 'esdb://admin:can@ary@host'],
    ['EVENTSTORE_URL', 'esdb://admin:canary@host?connectTimeout=3'],
    ['EVENTSTORE_URL', 'esdb://admin:canary@host?tls=canary'],
    ['SMTP_URL', 'smtp://ann:canary@host:port'],
    ['SMTP_URL', 'smtps://'],
    ['EXTERNAL_URL', 'https://ann:canary@host:port/'],
    ['ADMIN_PASSWORD', 'CANARY'],
    ['ADMIN_PASSWORD', 'Canary-nodigit'],
    ['S3_SECRET_ACCESS_KEY', 'canary'],
    ...['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY'].map((name) => [name, 'canary']),
  ] as [string, string][])('of a secret nothing is told but the name: %s=%s', (name, wrong) => {
    const told = mistakes({ [name]: wrong });
    expect(told.length).toBeGreaterThan(0);
    for (const line of told) expect(line).toContain(name);
    expect(told.join()).not.toMatch(/can(?!not)|ary/i);
  });

  test('whatever any variable is, it is not repeated', () => {
    const wrong = Object.fromEntries(variables.map((name) => [name, `\ncanary of ${name}`]));
    expect(mistakes(wrong).join('\n')).not.toContain('canary');
    expect(mistakes(wrong).length).toBeGreaterThan(25);
  });

  test.each([
    { ADMIN_PASSWORD: 'Ann@Tasks4.test', ADMIN_EMAIL: 'ann@tasks4.test' },
    { ADMIN_PASSWORD: 'Annabel1', ADMIN_USERNAME: 'annabel1' },
  ])('the admin is not guessed: %j', (given) => {
    expect(mistakes(given)).toEqual(['ADMIN_PASSWORD must not be the e-mail address or the username']);
  });

  test('is told without the value, which may be a secret', () => {
    const wrong = {
      SECRET_KEY: 'canary',
      ADMIN_PASSWORD: 'canary',
      DATABASE_URL: 'mysql://u:canary@db',
      SMTP_URL: 'canary',
      PORT: 'canary',
    };
    expect(() => loadConfig(wrong)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('canary') }));
    expect(mistakes(wrong).length).toBeGreaterThanOrEqual(5);
  });
});

describe('in production', () => {
  const production = { ENVIRONMENT: 'production' };

  test('keys must be given, and origins named', () => {
    expect(mistakes({ ...production, CORS_ORIGINS: 'https://a.example,*', PORT: 'x' })).toEqual([
      'PORT must be a whole number from 0 to 65535',
      'SECRET_KEY is required when ENVIRONMENT is production, the same on all instances',
      'MASTER_KEY is required when ENVIRONMENT is production, the same on all instances',
      'SIGNING_KEY is required when ENVIRONMENT is production, the same on all instances',
      'CORS_ORIGINS must not be * when ENVIRONMENT is production',
    ]);
  });

  test.each(['Admin123', 'Letmein#1', 'Password1!', 'ChangeMe123'])('nor is an admin made with the password %s', (password) => {
    expect(mistakes({ ...production, ...keys, ADMIN_PASSWORD: password })).toEqual([expect.stringMatching(/^ADMIN_PASSWORD /)]);
    expect(mistakes({ ADMIN_PASSWORD: password })).toEqual([]);
  });

  test('it starts with them', () => {
    expect(loadConfig({ ...production, ...keys }).keys).toMatchObject({
      secret: keys.SECRET_KEY,
      master: keys.MASTER_KEY,
      signing: keys.SIGNING_KEY,
    });
  });

  test('refuses a key of few different characters, and one key in two places', () => {
    const uniform = 'abcdefg'.repeat(5);
    expect(mistakes({ ...production, ...keys, MASTER_KEY: uniform })).toEqual([
      'MASTER_KEY must have at least 8 different characters when ENVIRONMENT is production',
    ]);
    expect(mistakes({ ...production, ...keys, SIGNING_KEY: keys.SECRET_KEY })).toEqual([
      'SIGNING_KEY must differ from the other keys when ENVIRONMENT is production',
    ]);
    expect(mistakes({ SECRET_KEY: uniform, MASTER_KEY: uniform, SIGNING_KEY: uniform })).toEqual([]);
  });

  test('keeps the first password in a file of the data directory, and development in the log', () => {
    expect(loadConfig({ ...production, ...keys, DATA_DIR: '/data' }).admin.passwordFile).toBe('/data/admin-password');
    expect(loadConfig({}).admin.passwordFile).toBeUndefined();
  });

  test('warns once each of limits that are off, plain http beyond loopback, and mails that reach no one', () => {
    const convenient = {
      ...{ RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_USER_PER_MINUTE: '0', RATE_LIMIT_LOGIN_PER_MINUTE: '0' },
      ...{ PUBLIC_URL: 'http://tasks.example', S3_BUCKET: 'files', S3_ENDPOINT: 'http://s3.example' },
    };
    const names = (environment: Record<string, string>) => configWarnings(loadConfig(environment)).map((warning) => warning.split(' ')[0]);
    expect(names({ ...production, ...keys, ...convenient })).toEqual([
      'RATE_LIMIT_PER_MINUTE',
      'RATE_LIMIT_USER_PER_MINUTE',
      'RATE_LIMIT_LOGIN_PER_MINUTE',
      'PUBLIC_URL',
      'SMTP_URL',
      'S3_ENDPOINT',
    ]);
    expect(names(convenient)).toEqual([]);
    for (const url of ['https://tasks.example', 'http://localhost:8080', 'http://127.0.0.2', 'http://[::1]:1']) {
      expect(names({ ...production, ...keys, SMTP_URL: 'smtps://mail.example', PUBLIC_URL: url })).toEqual([]);
    }
  });
});

describe('a .env file', () => {
  const file = path.join(folder, '.env');

  test('gives what the environment does not', () => {
    writeFileSync(file, '# comment\nPORT=9001\nHOST="0.0.0.0"\nexport LOG_LEVEL=debug\nSECRET_KEY=\n');
    const environment = readEnvironment(file, { PORT: '9002', HOST: '' });
    expect(environment).toMatchObject({ PORT: '9002', HOST: '0.0.0.0', LOG_LEVEL: 'debug' });
    expect(loadConfig(environment)).toMatchObject({ port: 9002, host: '0.0.0.0', keys: { secret: undefined } });
  });

  test('need not be there', () => {
    expect(readEnvironment(path.join(folder, 'none'), { PORT: '1' })).toEqual({ PORT: '1' });
  });
});
