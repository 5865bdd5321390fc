import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig } from '../src/config.ts';

const folder = mkdtempSync(join(tmpdir(), 'tasktrail-kafka-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const brokers = { KAFKA_BROKERS: 'a:9092' };
const sasl = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'ann', KAFKA_SASL_PASSWORD: 'secret of ann' };

function mistakes(environment: Record<string, string>): readonly string[] {
  try {
    loadConfig(environment);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).mistakes;
  }
}

describe('the settings of Kafka', () => {
  test.each(['host:99999', 'host:0', ',', 'host', '[::1]:9092', 'a:9092,b'])('refuse the brokers %s', (given) => {
    expect(mistakes({ KAFKA_BROKERS: given })).toEqual([expect.stringMatching(/^KAFKA_BROKERS must /)]);
  });

  test('say of an IPv6 address what helps', () => {
    expect(mistakes({ KAFKA_BROKERS: '[::1]:9092' })).toEqual(['KAFKA_BROKERS must name a broker at an IPv6 address by a host name']);
  });

  test.each(['.', '..', 'a topic', 'ä', 'x'.repeat(250)])('refuse the topic %s', (topic) => {
    expect(mistakes({ ...brokers, KAFKA_TOPIC: topic })).toEqual([expect.stringMatching(/^KAFKA_TOPIC must be /)]);
  });

  test('name what has no effect', () => {
    expect(mistakes({ ...sasl, KAFKA_SSL: 'true' }).map((mistake) => mistake.split(' has no effect')[0])).toEqual([
      ...Object.keys(sasl),
      'KAFKA_SSL',
    ]);
    const { KAFKA_SASL_MECHANISM: _, ...rest } = sasl;
    expect(mistakes({ ...brokers, ...rest })).toHaveLength(2);
    expect(mistakes({ ...brokers, KAFKA_SSL_CA: join(folder, 'none') })).toEqual([
      expect.stringMatching(/^KAFKA_SSL_CA has no effect without KAFKA_SSL/),
    ]);
  });

  test('refuse files that are not there, not PEM, damaged, or one half of a pair', () => {
    const tls = { ...brokers, KAFKA_SSL: 'true' };
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    expect(mistakes({ ...tls, KAFKA_SSL_CA: join(folder, 'none') })).toEqual(['KAFKA_SSL_CA cannot be read (ENOENT)']);
    expect(mistakes({ ...tls, KAFKA_SSL_CA: file('text', 'secret') })).toEqual(['KAFKA_SSL_CA must name a file in PEM']);
    const damaged = file('damaged', '-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\n');
    expect(mistakes({ ...tls, KAFKA_SSL_CERT: damaged })).toEqual(['KAFKA_SSL_CERT and KAFKA_SSL_KEY must be set together']);
    const [unusable = ''] = mistakes({ ...tls, KAFKA_SSL_CERT: damaged, KAFKA_SSL_KEY: damaged });
    expect(unusable).toMatch(/^KAFKA_SSL_CA, KAFKA_SSL_CERT or KAFKA_SSL_KEY cannot be used/);
    expect(unusable).not.toContain('secret');
  });

  test('refuse a readable password in production, and take it under TLS', () => {
    const keys = Object.fromEntries(['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY'].map((name) => [name, `${name} 0123456789 abcdefghijklm`]));
    const production = { ENVIRONMENT: 'production', ...keys, ...brokers, ...sasl };
    expect(mistakes(production)).toEqual([expect.stringMatching(/^KAFKA_SASL_MECHANISM must not be plain/)]);
    expect(mistakes({ ...production, KAFKA_SSL: 'true' })).toEqual([]);
    expect(mistakes({ ...brokers, ...sasl })).toEqual([]);
  });
});
