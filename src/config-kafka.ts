import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { Flag } from './config-values.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const MAX_PORT = 65_535;

/** The address of a broker. The client reads a colon as the end of the host, so an IPv6 address has to have a name. */
export const KafkaBroker = z
  .string()
  .refine((broker) => !broker.startsWith('['), { error: 'must name a broker at an IPv6 address by a host name', abort: true })
  .refine((broker) => hasPort(broker), { error: `must be host:port, with a port from 1 to ${MAX_PORT}` });

function hasPort(broker: string): boolean {
  const [, port] = /^[^\s:]+:(\d{1,5})$/.exec(broker) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= MAX_PORT;
}

/** As brokers take it: another name is refused by them for ever. */
export const KafkaTopicName = z
  .string()
  .regex(/^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/, 'must be 1 to 249 letters, digits, dots, hyphens and underscores');

const sasl = ['KAFKA_SASL_MECHANISM', 'KAFKA_SASL_USERNAME', 'KAFKA_SASL_PASSWORD'];
const pemFiles = { KAFKA_SSL_CA: 'ca', KAFKA_SSL_CERT: 'cert', KAFKA_SSL_KEY: 'key' } as const;

/** Settings of Kafka that contradict each other, have no effect, or name files that are of no use. */
export function kafkaMistakes(given: Environment): string[] {
  const isSet = (name: string) => given[name] !== undefined;
  const hasTls = Flag.safeParse(given.KAFKA_SSL ?? '').data === true;
  const without = (names: readonly string[], condition: string) =>
    names.filter(isSet).map((name) => `${name} has no effect without ${condition}: remove it, or set that`);
  if (!isSet('KAFKA_BROKERS')) return without([...sasl, ...(hasTls ? ['KAFKA_SSL'] : []), ...Object.keys(pemFiles)], 'KAFKA_BROKERS');
  return [
    ...(isSet('KAFKA_SASL_MECHANISM') ? [] : without(sasl, 'KAFKA_SASL_MECHANISM')),
    ...(hasTls ? tlsMistakes(given) : without(Object.keys(pemFiles), 'KAFKA_SSL=true')),
    ...(given.ENVIRONMENT?.toLowerCase() === 'production' && given.KAFKA_SASL_MECHANISM?.toLowerCase() === 'plain' && !hasTls
      ? ['KAFKA_SASL_MECHANISM must not be plain without KAFKA_SSL=true when ENVIRONMENT is production: the password would be readable']
      : []),
  ];
}

function tlsMistakes(given: Environment): string[] {
  const mistakes: string[] = [];
  const files: Partial<Record<'ca' | 'cert' | 'key', string>> = {};
  for (const [name, option] of Object.entries(pemFiles)) {
    if (given[name] === undefined) continue;
    try {
      files[option] = readFileSync(given[name], 'utf8');
    } catch (error) {
      mistakes.push(`${name} cannot be read (${(error as NodeJS.ErrnoException).code})`);
      continue;
    }
    if (!files[option].includes('-----BEGIN ')) mistakes.push(`${name} must name a file in PEM`);
  }
  if ((given.KAFKA_SSL_CERT === undefined) !== (given.KAFKA_SSL_KEY === undefined))
    mistakes.push('KAFKA_SSL_CERT and KAFKA_SSL_KEY must be set together');
  return mistakes.length > 0 ? mistakes : unusable(files);
}

/** What TLS itself would refuse: a key of another certificate, a damaged file. */
function unusable(files: Partial<Record<'ca' | 'cert' | 'key', string>>): string[] {
  try {
    createSecureContext(files);
    return [];
  } catch (error) {
    return [
      `KAFKA_SSL_CA, KAFKA_SSL_CERT or KAFKA_SSL_KEY cannot be used: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`,
    ];
  }
}

/** The contents of the files, which `kafkaMistakes` has found to be readable. */
export function kafkaTls(paths: { ca?: string | undefined; cert?: string | undefined; key?: string | undefined }) {
  const files = Object.entries(paths).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(files.map(([option, path]) => [option, readFileSync(path)])) as { ca?: Buffer; cert?: Buffer; key?: Buffer };
}
