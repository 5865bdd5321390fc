import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { startTestService, type TestService } from '../../support/service.ts';
import { type BesideLog, openBesideLog } from '../../support/written-tasks.ts';
import { atOnce } from '../authorisation/at-once.ts';
import { gatherPeople, type People } from '../authorisation/people.ts';
import { counted, faultsIn, type Target, targetsOf, tell } from './targets.ts';

let service: TestService;
let log: BesideLog;
let people: People;
let targets: Target[];

beforeAll(async () => {
  service = await startTestService();
  log = await openBesideLog(service);
  people = await gatherPeople(service);
  targets = await targetsOf(service.routes, { service, log, people });
}, 60_000);
afterAll(async () => {
  await people?.close();
  await log?.close();
  await service?.stop();
});

const faults = () => faultsIn(service.log);
const told = (what: string) => process.env.MATRIX_TOLD && process.stderr.write(`${what}\n`);

/** In place of a part of the path: none of them is the id or the name of anything. */
const parts = [
  ...[
    '%00',
    'a%00',
    '%0a',
    '%0d%0aSet-Cookie:%20a=b',
    '%20',
    '%09',
    '%',
    '%2',
    '%zz',
    '%ff',
    '%c0%af',
    '%ed%a0%80',
    '%f4%90%80%80',
    '%2e%2e',
  ],
  ...[
    '..%2f..%2fetc%2fpasswd',
    '..%5c..',
    '%252e%252e',
    '%2f',
    '%3f',
    '%23',
    'a;b=c',
    'a,b',
    '*',
    '~',
    '!',
    '$',
    '&',
    '=',
    '@',
    ':',
    '{}',
    '[]',
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'null',
    'undefined',
    'NaN',
    'true',
    '-1',
    '0',
    '1e309',
    '0x10',
  ],
  ...[
    "'%20or%20'1'='1",
    '1;drop%20table%20users',
    '%24%7B7*7%7D',
    '%F0%9F%92%A9',
    '%E2%80%AEabc',
    '%EF%BB%BF',
    'a'.repeat(300),
    'a'.repeat(4000),
  ],
  ...['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '%7B00000000-0000-7000-8000-000000000001%7D'],
  ...['urn:uuid:00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000001%20', '0000000000007000800000000000000001'],
];

/** Values of a query. `refused` where no parameter can be so. */
const values = ['%00', 'a%00b', '%ff', '%c0%af', '%ed%a0%80', '%', '%zz', 'x'.repeat(3000)]
  .map((text) => ({ text, refused: true }))
  .concat(
    [
      ...[
        '',
        '%20',
        '-1',
        '0',
        '1e309',
        '0x10',
        '1.5',
        '9007199254740993',
        '99999999999999999999',
        'NaN',
        'Infinity',
        'null',
        'true',
        '[]',
        '{}',
      ],
      ...[
        "'%20or%201=1--",
        '%27',
        '%22',
        '%5C',
        '%25',
        '%5F',
        '..%2f',
        '%0d%0a',
        '%F0%9F%92%A9',
        '%E2%80%AEa',
        '__proto__',
        ',',
        ',,,',
        '%2C',
        ':*',
        '!',
        '%26',
        '%7C',
      ],
      ...[
        '2026-02-30',
        '0000-00-00',
        '9999-12-31',
        '%2B275760-09-13T00:00:00Z',
        '-271821-04-20',
        '2026-01-01T25:00:00Z',
        'a:*%20%26%20b',
        '%3C-%3E',
      ],
      'AAAA'.repeat(50),
    ].map((text) => ({ text, refused: false })),
  );

const strange = [
  '__proto__=1',
  'constructor=1',
  'toString=1',
  'a[b]=1',
  'a.b=1',
  '%00=1',
  '%ff=1',
  '=1',
  'Page=1',
  'page%20=1',
  'access_token=x',
  '%F0%9F%92%A9=1',
];

interface Tried {
  target: Target;
  path: string;
  refused: boolean;
}

/** Asks all of it, and tells what was no refusal, or worse. */
async function wrongOf(all: readonly Tried[]): Promise<string[]> {
  const answers = await atOnce(all, ({ target, path }) => {
    const body = target.takesBody ? JSON.stringify(target.good ?? {}) : undefined;
    const type: Record<string, string> = target.takesBody ? { 'content-type': 'application/json' } : {};
    return tell(service.url, { ...target, path, headers: { ...target.headers, ...type } }, body);
  });
  told(`${all.length} tried; ${counted(answers.map(({ status }) => status))}`);
  return all.flatMap(({ target, path, refused }, index) => {
    const { status, code } = answers[index]!;
    const isRight = status < 500 && (!refused || status >= 400);
    return isRight ? [] : [`${target.name}: ${path.slice(0, 200)}: ${status} ${code}`, ...(status >= 500 ? [faults()[0] ?? ''] : [])];
  });
}

const withoutQuery = ({ path }: Target) => path.split('?')[0]!;

describe('a hostile path', () => {
  test('names nothing, in each place of each route', async () => {
    const all = targets.flatMap((target) => {
      const pattern = (target.route.root ? '' : '/api/v1') + target.route.path;
      const pieces = withoutQuery(target).split('/');
      return pattern.split('/').flatMap((piece, at) => {
        if (!piece.startsWith(':')) return [];
        return parts.map((part): Tried => ({ target, path: pieces.with(at, part).join('/'), refused: true }));
      });
    });
    const before = await log.lengths();
    expect(all.length).toBeGreaterThan(1000);
    expect(await wrongOf(all)).toEqual([]);
    expect(await log.lengths()).toEqual(before);
    expect(faults()).toEqual([]);
  }, 120_000);
});

describe('a hostile query', () => {
  test('is refused for what no route knows, and never a fault of ours', async () => {
    const all = targets
      .filter(({ route, method }) => method === 'GET' && !route.undocumented)
      .flatMap((target, place) => {
        const path = withoutQuery(target);
        const named = namesIn(target).flatMap((name, at) => [
          ...share(values, place + at).map(({ text, refused }): Tried => ({ target, path: `${path}?${name}=${text}`, refused })),
          { target, path: `${path}?${name}=1&${name}=1`, refused: true },
          { target, path: `${path}?${name}[]=1`, refused: true },
        ]);
        return [...named, ...strange.map((query): Tried => ({ target, path: `${path}?${query}`, refused: true }))];
      });
    expect(all.length).toBeGreaterThan(1000);
    expect(await wrongOf(all)).toEqual([]);
    expect(faults()).toEqual([]);
  }, 120_000);
});

/** Each parameter is tried with a part of them, and its neighbours with the others; with all when so many are asked for. */
function share<T>(all: readonly T[], place: number): T[] {
  return process.env.CORPORA === 'all' ? [...all] : all.filter((_, index) => (index + place) % 5 === 0);
}

function namesIn({ route }: Target): string[] {
  if (!route.query) return [];
  const { properties = {} } = z.toJSONSchema(route.query, { io: 'input', unrepresentable: 'any' });
  return Object.keys(properties);
}

test('an id in upper case is the same id, in every path and query that reads', async () => {
  const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
  const reading = targets.filter(({ method, path, name }) => method === 'GET' && uuid.test(path) && !name.includes('replay'));
  expect(reading.length).toBeGreaterThan(8);
  const read = async ({ path, headers }: Target) => {
    const response = await fetch(service.url + path, { headers, redirect: 'manual' });
    return [response.status, (await response.text()).replace(/"(request_id|at|lag_seconds)":("[^"]*"|[\d.]+)/g, '')];
  };
  for (const target of reading) {
    const upper = { ...target, path: target.path.replace(uuid, (id) => id.toUpperCase()) };
    expect([target.name, ...(await read(upper))]).toEqual([target.name, ...(await read(target))]);
  }
});
