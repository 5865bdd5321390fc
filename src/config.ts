import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { Email, GivenUsername, isGuessable, Password } from './accounts/credentials.ts';
import { KafkaBroker, KafkaTopicName, kafkaMistakes, kafkaTls } from './config-kafka.ts';
import {
  DatabaseUrl,
  EventStoreUrl,
  Flag,
  listOf,
  Mailbox,
  MailServer,
  Origin,
  oneOf,
  Secret,
  TrustedProxies,
  WebUrl,
  wholeNumber,
} from './config-values.ts';
import { secretsIn } from './platform/console-log.ts';
import { faultMessage } from './platform/fault-messages.ts';

const usualLogLevel = 'info';

/** Every environment variable that is read. */
const Variables = z.object({
  ENVIRONMENT: oneOf('development', 'test', 'staging', 'production').default('development'),
  PORT: wholeNumber(0, 65_535).default(8000),
  HOST: z.string().default('127.0.0.1'),
  DATA_DIR: z.string().default('./data'),
  SHUTDOWN_SECONDS: wholeNumber(0, 3600).default(10),

  DATABASE_URL: DatabaseUrl.optional(),
  DATABASE_POOL_MAX: wholeNumber(1, 1000).default(10),
  EVENTSTORE_URL: EventStoreUrl.optional(),
  KAFKA_BROKERS: listOf(KafkaBroker)
    .refine((brokers) => brokers.length > 0, 'must name a broker')
    .optional(),
  KAFKA_TOPIC: KafkaTopicName.default('tasktrail.events'),
  KAFKA_SSL: Flag.default(false),
  KAFKA_SSL_CA: z.string().optional(),
  KAFKA_SSL_CERT: z.string().optional(),
  KAFKA_SSL_KEY: z.string().optional(),
  KAFKA_SASL_MECHANISM: oneOf('plain', 'scram-sha-256', 'scram-sha-512').optional(),
  KAFKA_SASL_USERNAME: z.string().optional(),
  KAFKA_SASL_PASSWORD: z.string().optional(),

  SECRET_KEY: Secret.optional(),
  MASTER_KEY: Secret.optional(),
  FORMER_MASTER_KEY: Secret.optional(),
  SIGNING_KEY: Secret.optional(),
  ADMIN_EMAIL: Email.optional(),
  ADMIN_USERNAME: GivenUsername.optional(),
  ADMIN_PASSWORD: Password.optional(),
  REGISTRATION: oneOf('open', 'closed').default('open'),
  ACCESS_TOKEN_EXPIRE_MINUTES: wholeNumber(1, 1440).default(30),
  REFRESH_TOKEN_EXPIRE_DAYS: wholeNumber(1, 365).default(7),
  SESSION_MAX_DAYS: wholeNumber(1, 3650).default(90),

  RATE_LIMIT_PER_MINUTE: wholeNumber(0, 1_000_000).default(60),
  RATE_LIMIT_USER_PER_MINUTE: wholeNumber(0, 1_000_000).default(600),
  RATE_LIMIT_LOGIN_PER_MINUTE: wholeNumber(0, 1_000_000).default(10),
  CORS_ORIGINS: listOf(Origin).default([]),
  TRUST_PROXY: TrustedProxies.default(false),

  LOG_LEVEL: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent').optional(),
  LOG_FORMAT: oneOf('json', 'pretty', 'standard').default('json'),
  // Other programs use this name for lists of modules: only a plain yes is meant for this one.
  DEBUG: z.string().optional(),

  SMTP_URL: MailServer.optional(),
  MAIL_FROM: Mailbox.default('Tasktrail <tasktrail@localhost>'),
  PUBLIC_URL: WebUrl.optional(),
  S3_ENDPOINT: WebUrl.optional(),
  S3_BUCKET: z.string().optional(),
  S3_REGION: z.string().default('us-east-1'),
  S3_ACCESS_KEY_ID: z.string().optional(),
  S3_SECRET_ACCESS_KEY: z.string().optional(),
  MAX_UPLOAD_SIZE: wholeNumber(1, 1_000_000_000_000).default(10_485_760),
  ALLOWED_EXTENSIONS: listOf(
    z
      .string()
      .toLowerCase()
      .regex(/^\.[a-z0-9]+$/, 'must be an extension, as in .pdf'),
  ).default('.jpg .jpeg .png .gif .webp .pdf .txt .md .csv .doc .docx .xlsx .zip'.split(' ')),
  FILE_RETENTION_DAYS: wholeNumber(0, 36_500).default(7),
  STORAGE_QUOTA_MB: wholeNumber(0, 1_000_000_000).default(1024),
  WEBHOOK_ALLOW_PRIVATE: Flag.default(false),
  EXTERNAL_URL: WebUrl.optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: WebUrl.optional(),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters, without blanks')
    .optional(),
});

/** Their names. */
export const variables: readonly string[] = Object.keys(Variables.shape);

/** Their defaults, as one would write them; empty where there is none. */
export function defaults(): Record<string, string> {
  const values: Record<string, unknown> = { ...Variables.parse({}), LOG_LEVEL: usualLogLevel };
  return Object.fromEntries(variables.map((name) => [name, String(values[name] ?? '')]));
}

type Environment = Readonly<Record<string, string | undefined>>;
type Values = z.output<typeof Variables>;

export type Config = ReturnType<typeof toConfig>;

/** Says everything that is wrong with the configuration, by the names of the variables and without their values. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  readonly mistakes: readonly string[];
  constructor(mistakes: readonly string[]) {
    super(`The configuration is wrong:\n${mistakes.map((mistake) => `  ${mistake}`).join('\n')}`);
    this.mistakes = mistakes;
  }
}

/** The variables of the process, and those of a `.env` file that the process does not have. */
export function readEnvironment(file = '.env', environment: Environment = process.env): Environment {
  return { ...parseEnv(readIfThere(file)), ...withoutEmpty(environment) };
}

/** @throws ConfigError */
export function loadConfig(environment: Environment): Config {
  const { given, mistakes: unreadable } = withSecretFiles(withoutEmpty(withAliases(environment)));
  const result = Variables.safeParse(given, { error: faultMessage });
  const mistakes = [
    ...unreadable,
    ...(result.error?.issues ?? []).map(({ path: [name], message }) => `${String(name)} ${message}`),
    ...missingParts(given),
    ...kafkaMistakes(given),
    ...guessablePassword(given),
    ...(given.ENVIRONMENT?.toLowerCase() === 'production' ? unsafeForProduction(given) : []),
  ];
  if (mistakes.length > 0 || !result.success) throw new ConfigError([...new Set(mistakes)]);
  return toConfig(result.data);
}

function toConfig(v: Values) {
  return {
    environment: v.ENVIRONMENT,
    port: v.PORT,
    host: v.HOST,
    dataDir: v.DATA_DIR,
    shutdownSeconds: v.SHUTDOWN_SECONDS,
    database: { url: v.DATABASE_URL, poolMax: v.DATABASE_POOL_MAX },
    eventStoreUrl: v.EVENTSTORE_URL,
    kafka: v.KAFKA_BROKERS && {
      brokers: v.KAFKA_BROKERS,
      topic: v.KAFKA_TOPIC,
      tls: v.KAFKA_SSL ? kafkaTls({ ca: v.KAFKA_SSL_CA, cert: v.KAFKA_SSL_CERT, key: v.KAFKA_SSL_KEY }) : undefined,
      sasl: v.KAFKA_SASL_MECHANISM && {
        mechanism: v.KAFKA_SASL_MECHANISM,
        username: v.KAFKA_SASL_USERNAME ?? '',
        password: v.KAFKA_SASL_PASSWORD ?? '',
      },
    },
    keys: { secret: v.SECRET_KEY, master: v.MASTER_KEY, formerMaster: v.FORMER_MASTER_KEY, signing: v.SIGNING_KEY },
    admin: {
      email: v.ADMIN_EMAIL,
      username: v.ADMIN_USERNAME,
      password: v.ADMIN_PASSWORD,
      // A log is kept and read by more people than a file of the service.
      passwordFile: v.ENVIRONMENT === 'production' ? path.join(v.DATA_DIR, 'admin-password') : undefined,
    },
    registration: v.REGISTRATION,
    accessTokenMinutes: v.ACCESS_TOKEN_EXPIRE_MINUTES,
    refreshTokenDays: v.REFRESH_TOKEN_EXPIRE_DAYS,
    sessionMaxDays: v.SESSION_MAX_DAYS,
    rateLimitsPerMinute: { anonymous: v.RATE_LIMIT_PER_MINUTE, user: v.RATE_LIMIT_USER_PER_MINUTE, login: v.RATE_LIMIT_LOGIN_PER_MINUTE },
    corsOrigins: v.CORS_ORIGINS,
    trustProxy: v.TRUST_PROXY,
    log: {
      level: v.LOG_LEVEL ?? (Flag.safeParse(v.DEBUG).data ? ('debug' as const) : usualLogLevel),
      format: v.LOG_FORMAT === 'json' ? ('json' as const) : ('pretty' as const),
    },
    mail: { smtpUrl: v.SMTP_URL, from: v.MAIL_FROM },
    publicUrl: v.PUBLIC_URL,
    s3: v.S3_BUCKET && {
      bucket: v.S3_BUCKET,
      endpoint: v.S3_ENDPOINT,
      region: v.S3_REGION,
      accessKeyId: v.S3_ACCESS_KEY_ID,
      secretAccessKey: v.S3_SECRET_ACCESS_KEY,
    },
    files: {
      maxSize: v.MAX_UPLOAD_SIZE,
      extensions: v.ALLOWED_EXTENSIONS,
      retentionDays: v.FILE_RETENTION_DAYS,
      quotaBytes: v.STORAGE_QUOTA_MB * 2 ** 20,
    },
    webhookAllowPrivate: v.WEBHOOK_ALLOW_PRIVATE,
    externalUrl: v.EXTERNAL_URL,
    otlpEndpoint: v.OTEL_EXPORTER_OTLP_ENDPOINT,
    metricsToken: v.METRICS_TOKEN,
  };
}

const aliases = { SERVER_PORT: 'PORT', SERVER_HOST: 'HOST', FRONTEND_URL: 'PUBLIC_URL' };

function withAliases(environment: Environment): Environment {
  const named = { ...environment };
  for (const [alias, name] of Object.entries(aliases)) named[name] ||= environment[alias];
  return named;
}

/** Compose files and shells pass on variables that were never set as empty ones. */
function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== ''));
}

/** Those that may be given as a file instead, by the name with `_FILE`: secrets, and addresses that hold one. */
export const secretVariables: readonly string[] = [
  'SECRET_KEY',
  'MASTER_KEY',
  'FORMER_MASTER_KEY',
  'SIGNING_KEY',
  'ADMIN_PASSWORD',
  'METRICS_TOKEN',
  'KAFKA_SASL_PASSWORD',
  'S3_SECRET_ACCESS_KEY',
  'DATABASE_URL',
  'EVENTSTORE_URL',
  'SMTP_URL',
];

/** Every value of the environment that must not be printed, by this service or a library: of addresses, also the password alone. */
export function secretsOf(environment: Environment): string[] {
  const { given } = withSecretFiles(withoutEmpty(withAliases(environment)));
  const names = [...secretVariables, 'OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'EXTERNAL_URL'];
  return names.flatMap((name) => (given[name] === undefined ? [] : secretsIn(given[name])));
}

/** Reads the files that secrets are in. A final line break, which editors add, does not belong to the secret. */
function withSecretFiles(environment: Environment): { given: Environment; mistakes: string[] } {
  const given = { ...environment };
  const mistakes: string[] = [];
  for (const name of secretVariables) {
    const file = environment[`${name}_FILE`];
    if (file === undefined) continue;
    if (environment[name] !== undefined) {
      mistakes.push(`${name} and ${name}_FILE are both set: set one of them`);
      continue;
    }
    try {
      given[name] = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
      if (given[name].trim() === '') mistakes.push(`${name}_FILE names an empty file`);
    } catch (error) {
      mistakes.push(`${name}_FILE cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  return { given, mistakes };
}

/** Variables that mean nothing without each other. */
function missingParts(given: Environment): string[] {
  const needs = (name: string, ...others: string[]) =>
    given[name] === undefined
      ? []
      : others.filter((other) => given[other] === undefined).map((other) => `${other} is required with ${name}`);
  return [
    ...needs('KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'),
    ...needs('S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'),
    ...needs('S3_SECRET_ACCESS_KEY', 'S3_ACCESS_KEY_ID'),
    ...needs('S3_ENDPOINT', 'S3_BUCKET'),
    ...needs('FORMER_MASTER_KEY', 'MASTER_KEY'),
  ];
}

function guessablePassword({
  ADMIN_PASSWORD: password,
  ADMIN_EMAIL: email = '',
  ADMIN_USERNAME: username = 'admin',
}: Environment): string[] {
  const isSo = password !== undefined && isGuessable(password, { email, username });
  return isSo ? ['ADMIN_PASSWORD must not be the e-mail address or the username'] : [];
}

const keyNames = ['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY'] as const;

/** What examples of all sorts use, among what the rules for passwords let pass. */
const wellKnown = /^(admin|administrator|changeme|letmein|pa[s5$]{2}w[o0]rd|qwerty|secret|test|welcome)[\d!@#$.]*$/i;

/**
 * What is convenient on a laptop and open to anybody on a server. `TRUST_PROXY=true` and `WEBHOOK_ALLOW_PRIVATE=true` are not refused:
 * nobody has them by default, and there are networks in which they are right.
 */
function unsafeForProduction(given: Environment): string[] {
  const missing = keyNames.filter((name) => given[name] === undefined);
  const origins = listOf(z.string()).safeParse(given.CORS_ORIGINS ?? '').data ?? [];
  return [
    ...missing.map((name) => `${name} is required when ENVIRONMENT is production, the same on all instances`),
    ...weakKeys(given),
    ...(wellKnown.test(given.ADMIN_PASSWORD ?? '')
      ? ['ADMIN_PASSWORD is one that everybody tries first; it must be another when ENVIRONMENT is production']
      : []),
    ...(origins.includes('*') ? ['CORS_ORIGINS must not be * when ENVIRONMENT is production'] : []),
  ];
}

/** The fewest different characters of a key in production: a key that is typed in place of a random one has fewer. */
const MIN_DIFFERENT_CHARACTERS = 8;

/** Keys that can be guessed, and a key that does the work of two: who learns one would hold both. */
function weakKeys(given: Environment): string[] {
  const keys = keyNames.flatMap((name) => (given[name] === undefined ? [] : [{ name, value: given[name] }]));
  const uniform = keys.filter(({ value }) => new Set(value).size < MIN_DIFFERENT_CHARACTERS);
  const repeated = keys.filter(({ value }, index) => keys.findIndex((other) => other.value === value) < index);
  return [
    ...uniform.map(
      ({ name }) => `${name} must have at least ${MIN_DIFFERENT_CHARACTERS} different characters when ENVIRONMENT is production`,
    ),
    ...repeated.map(({ name }) => `${name} must differ from the other keys when ENVIRONMENT is production`),
  ];
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
