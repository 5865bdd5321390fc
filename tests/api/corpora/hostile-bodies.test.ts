import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { startTestService, type TestService } from '../../support/service.ts';
import { startWeakened, type Weakened } from '../../support/weakened.ts';
import { type BesideLog, openBesideLog } from '../../support/written-tasks.ts';
import { atOnce } from '../authorisation/at-once.ts';
import { gatherPeople, type People } from '../authorisation/people.ts';
import { type HostileBody, hostileBodies } from './hostile-bodies.ts';
import { counted, faultsIn, type Target, type Told, targetsOf, tell } from './targets.ts';

let service: TestService;
let weakened: Weakened;
let log: BesideLog;
let people: People;
let targets: Target[];

beforeAll(async () => {
  service = await startTestService();
  const starting = startWeakened(service);
  log = await openBesideLog(service);
  people = await gatherPeople(service);
  targets = (await targetsOf(service.routes, { service, log, people })).filter(({ takesBody }) => takesBody);
  weakened = await starting;
}, 60_000);
afterAll(async () => {
  await weakened?.stop();
  await people?.close();
  await log?.close();
  await service?.stop();
});

type Attack = [Target, HostileBody];

const attack = async (url: string, [target, { body, type, headers }]: Attack): Promise<Told> => {
  const contentType: Record<string, string> = type === '' ? {} : { 'content-type': type ?? 'application/json' };
  return tell(url, { ...target, headers: { ...target.headers, ...contentType, ...headers } }, body);
};
const faults = () => faultsIn(service.log);
const told = (what: string) => process.env.MATRIX_TOLD && process.stderr.write(`${what}\n`);

/** Those that are not refused as they are to be. */
async function comingThrough(url: string, attacks: readonly Attack[]): Promise<string[]> {
  const answers = await atOnce(attacks, (one) => attack(url, one));
  told(`${attacks.length} attacks; ${counted(answers.map(({ status }) => status))}`);
  return attacks.flatMap(([target, hostile], index) => {
    const { status, code } = answers[index]!;
    const isRight = hostile.refused ? hostile.refused.includes(status) : status < 500;
    return isRight ? [] : [`${target.name}: ${hostile.name}: ${status} ${code}`];
  });
}

describe('a hostile body', () => {
  test('is refused by every route that takes one, and nothing comes of it', async () => {
    expect(targets.length).toBeGreaterThan(20);
    const attacks = targets.flatMap((target) => hostileBodies(target.good).map((body): Attack => [target, body]));
    const before = await log.lengths();
    expect(
      await comingThrough(
        service.url,
        attacks.filter(([, { refused }]) => refused),
      ),
    ).toEqual([]);
    expect(await log.lengths()).toEqual(before);
    expect(
      await comingThrough(
        service.url,
        attacks.filter(([, { refused }]) => !refused),
      ),
    ).toEqual([]);
    expect(faults()).toEqual([]);
  }, 120_000);

  test('is counted before its items are looked at, where it has a list', () => {
    const lists = service.routes.flatMap(({ method, path, body }) =>
      body ? listsIn(body).map((list) => [`${method} ${path}`, list] as const) : [],
    );
    expect(lists.length).toBeGreaterThan(5);
    // Zod looks at no item of a list that is too long, if the maximum is one of the list's own checks.
    const hasMaximum = (list: z.ZodArray) => list._zod.def.checks?.some((check) => check._zod.def.check === 'max_length');
    expect(lists.filter(([, list]) => !hasMaximum(list)).map(([name]) => name)).toEqual([]);
  });

  test('may be any JSON: it is refused or done, and never a fault of ours', async () => {
    const seed = Number(process.env.FC_SEED ?? Date.now() % 0x7fffffff);
    const statuses: number[] = [];
    const checked = async (target: Target) => {
      const property = fc.asyncProperty(anyBody(target.good), async (body) => {
        const { status, code } = await attack(service.url, [target, { name: 'any', body }]);
        statuses.push(status);
        if (status >= 500) throw new Error(`${status} ${code}`);
      });
      await fc.assert(property, { seed, numRuns: Number(process.env.FC_RUNS ?? 15) });
    };
    for (const target of targets) await checked(target).catch((error) => Promise.reject(new Error(target.name, { cause: error })));
    told(`seed ${seed}: ${counted(statuses)}`);
    expect(faults()).toEqual([]);
  }, 120_000);

  test.each([
    ['bodies are JSON by their type', /^what is good, as/],
    ['bodies are UTF-8', /no UTF-8|overlong|in UTF-8/],
    ['bodies are limited', /^a megabyte/],
    ['keys and text are looked into', / is (text with )?NUL$| is half a surrogate$| is the other half$/, 'POST /auth/login'],
    ['unknown keys are refused', /^with a (role|revision)|^with an (owner|admin|operator)/],
  ])('comes through without this: %s', async (name: string, expected: RegExp, route = 'POST /tasks') => {
    const target = targets.find((one) => one.name === route)!;
    const attacks = hostileBodies(target.good)
      .filter((body) => body.refused && expected.test(body.name))
      .map((body): Attack => [target, body]);
    expect(await comingThrough(weakened.url, attacks)).toEqual([]);
    await weakened.without(name);
    const through = await comingThrough(weakened.url, attacks).finally(() => weakened.without());
    told(`without ${name}: ${through.length} of ${attacks.length}`);
    expect(through.length).toBeGreaterThan(attacks.length / 2);
  });
});

/** The lists that a schema consists of. */
function listsIn(part: unknown, seen = new Set<unknown>()): z.ZodArray[] {
  if (typeof part !== 'object' || part === null || seen.has(part)) return [];
  seen.add(part);
  const inner = Object.values(part instanceof z.ZodType ? part._zod.def : part).flatMap((value) => listsIn(value, seen));
  return part instanceof z.ZodArray ? [part, ...inner] : inner;
}

/** JSON of any kind, and what is good with some of it otherwise. */
function anyBody(good: unknown): fc.Arbitrary<string> {
  const any = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });
  const object = typeof good === 'object' && good !== null && !Array.isArray(good) ? (good as Record<string, unknown>) : {};
  const keys = Object.keys(object);
  const changed = fc.dictionary(keys.length > 0 ? fc.constantFrom(...keys) : fc.string(), any, { minKeys: 1 });
  return fc.oneof(
    any.map((value) => JSON.stringify(value)),
    changed.map((change) => JSON.stringify({ ...object, ...change })),
  );
}
