import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { parse } from 'yaml';

/** What the deployment files say, parsed: tests compare them with each other and with the service, as no container engine is needed here. */

export const root = join(import.meta.dirname, '..', '..');
export const read = (file: string) => readFileSync(join(root, file), 'utf8');

export interface Service {
  image?: string;
  build?: { context: string; args: Record<string, string> };
  command?: string | string[];
  environment?: Record<string, string>;
  env_file?: string[];
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number };
  restart?: string;
  read_only?: boolean;
  tmpfs?: string[];
  user?: string;
  cap_drop?: string[];
  cap_add?: string[];
  security_opt?: string[];
  logging?: { driver: string; options: Record<string, string> };
  stop_grace_period?: string;
}
export interface Compose {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean } | null>;
}

export const composeText = read('docker-compose.yml');
export const compose = parse(composeText, { merge: true }) as Compose;
export const services = Object.entries(compose.services);
export const instances = services.filter(([, { build }]) => build !== undefined);
export const readme = read('README.md');
export const examples = read('.env.example');
export const packageJson = JSON.parse(read('package.json')) as { version: string; scripts: Record<string, string> };

/** Instructions of a Dockerfile, continued lines joined, comments left out. */
const dockerfile = read('Dockerfile')
  .replace(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line))
  .map((line) => {
    const [, instruction, rest] = /^([A-Z]+) (.*)$/.exec(line)!;
    return { instruction: instruction!, rest: rest! };
  });
export const ofDockerfile = (wanted: string) => dockerfile.filter(({ instruction }) => instruction === wanted).map(({ rest }) => rest);

/** Directives of an nginx configuration: a name, words, and what is in its braces. */
export interface Directive {
  name: string;
  words: string[];
  block: Directive[] | null;
}
export function parseNginx(text: string): Directive[] {
  const tokens = text.replace(/#.*$/gm, '').match(/"[^"]*"|'[^']*'|[{};]|[^\s{};"']+/g) ?? [];
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
export const within = (directives: readonly Directive[], name: string) => directives.filter((directive) => directive.name === name);

/** What compose makes of `${NAME:-default}`, `${NAME-default where it is not set}` and `${NAME:?message}` with these values. */
function interpolated(text: string, values: Record<string, string>): string {
  return text.replace(/\$\{(\w+)(:?[-?])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
    const value = values[name];
    if (value || (value === '' && kind === '-')) return value;
    if (kind.endsWith('?')) throw new Error(`${name}: ${rest}`);
    return rest;
  });
}
export const keys = Object.fromEntries(
  ['SECRET_KEY', 'MASTER_KEY', 'SIGNING_KEY', 'S3_SECRET_ACCESS_KEY'].map((name) => [name, name.repeat(4)]),
);
export const environmentOf = (service: Service, values: Record<string, string> = {}) =>
  Object.fromEntries(
    Object.entries(service.environment ?? {}).map(([name, value]) => [name, interpolated(String(value), { ...keys, ...values })]),
  );
