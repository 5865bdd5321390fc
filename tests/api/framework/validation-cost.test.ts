import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { type Route, route } from '../../../src/api/route.ts';
import { LoginBody } from '../../../src/api/routes/auth-bodies.ts';
import { TagsBody, TaskBody } from '../../../src/api/routes/task-bodies.ts';
import { UndoRunBody } from '../../../src/api/routes/undo-bodies.ts';
import { NewWebhookBody } from '../../../src/api/routes/webhook-bodies.ts';
import { runWithout } from '../../support/run-weakened.ts';
import { serving } from './serving.ts';
import { type Cost, costOf, costsAt, hostileShapes } from './validation-cost.ts';

/** Above every limit of a list; twice of it is about as many issues as are listed, so that a scan over them still grows. */
const SIZE = 501;

/** Shapes whose validation takes more than twice the work at twice the size, or runs schemas for items of a list that is too long. */
function unbounded(once: Record<string, Cost>, twice: Record<string, Cost>): string[] {
  const constant = 4;
  return Object.keys(once).filter((name) => {
    const [small, large] = [once[name]!, twice[name]!];
    const grows = large.lookups > 2 * small.lookups + constant || large.schemaCalls > 2 * small.schemaCalls + constant;
    const runsItems = name.startsWith('a long list') && large.schemaCalls > small.schemaCalls;
    return grows || runsItems;
  });
}

/** The costs at both sizes in a build without one of its defences. */
const costsWithout = (defence: string) =>
  runWithout<[Record<string, Cost>, Record<string, Cost>]>(defence, 'api/framework/print-validation-costs.ts', {
    SIZES: `${SIZE},${SIZE * 2}`,
  });

describe('validating a body takes work in proportion to its length', () => {
  test('for every hostile shape, with the code of what is wrong', () => {
    expect(unbounded(costsAt(SIZE), costsAt(SIZE * 2))).toEqual([]);
    for (const [name, { codes }] of Object.entries(hostileShapes)) expect([name, costsAt(SIZE * 2)[name]!.codes]).toEqual([name, codes]);
  });

  test.each([
    ['issues are found by their key', ['unknown keys', 'text with NUL in an unknown key']],
    ['lists are counted before their items', ['a long list of tags', 'a long list of wrong tags']],
  ])('grows without this: %s', async (defence, expected) => {
    expect(unbounded(...(await costsWithout('')))).toEqual([]);
    expect(unbounded(...(await costsWithout(defence)))).toEqual(expected);
  });

  test('whatever JSON it is', () => {
    const schemas = [LoginBody, TaskBody, TagsBody, NewWebhookBody, UndoRunBody];
    const key = fc.oneof(fc.constantFrom('title', 'tags', 'types', 'url', 'email', 'from', 'operation_id'), fc.string({ maxLength: 100 }));
    const { body } = fc.letrec((tie) => ({
      body: fc.oneof({ depthSize: 'small' }, tie('object'), tie('list')),
      object: fc.dictionary(key, tie('value'), { maxKeys: 200 }),
      list: fc.array(tie('value'), { maxLength: 200 }),
      value: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue({ maxDepth: 0, stringUnit: 'binary' }),
        fc.constant('\0'),
        tie('object'),
        tie('list'),
      ),
    }));
    const stepsPerByte = 3;
    const constant = 30;
    fc.assert(
      fc.property(body, fc.constantFrom(...schemas), (value, schema) => {
        const text = JSON.stringify(value);
        const { lookups, schemaCalls } = costOf(schema as z.ZodType, text);
        expect(lookups + schemaCalls).toBeLessThanOrEqual(stepsPerByte * Buffer.byteLength(text) + constant);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a body has limits that are checked before its schema', () => {
  let calls = 0;
  const Counted = z.looseObject({}).refine(() => {
    calls++;
    return true;
  });
  const routes: Route[] = [
    route({
      method: 'post',
      path: '/things',
      tag: 'Things',
      summary: 'A thing',
      needs: 'open',
      answers: { 200: z.unknown() },
      rejects: [],
      // A record, so that any JSON object is taken.
      body: z.record(z.string(), z.unknown()).pipe(Counted),
      handle: () => ({ status: 200, body: 'done' }),
    }),
  ];
  const headers = { 'Content-Type': 'application/json' };
  const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
  const members = (count: number) => JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index])));
  const spread = (count: number) => JSON.stringify({ lists: Array.from({ length: 10 }, () => Array(count / 10 - 1).fill(0)) });

  const one = (path: string, message: string) => [{ path, message, code: 'too_long' }];
  const tooMany = one('', 'must have at most 10000 members and items in all');
  const longKey = 'must have at most 100 characters in its name';

  test.each([
    ['10,000 members', members(10_000), 200, undefined],
    ['10,001 members', members(10_001), 422, tooMany],
    ['members and items of all levels together', spread(20_000), 422, tooMany],
    ['a key of 100 characters', JSON.stringify({ ['🎉'.repeat(100)]: 1 }), 200, undefined],
    ['a key of 101 characters', JSON.stringify({ a: [{ ['🎉'.repeat(101)]: 1 }] }), 422, one(`a.0.${'🎉'.repeat(101)}`, longKey)],
    ['32 levels', nested(32), 200, undefined],
    ['33 levels', nested(33), 400, []],
    ['a hundred thousand levels', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 400, []],
    [
      'a long key with a list of NUL among many unknown keys',
      `{"${'k'.repeat(300)}":[${Array(115_000).fill('"\\u0000"').join()}],${members(990).slice(1)}`,
      422,
      [expect.objectContaining({ code: 'too_long' })],
    ],
  ])('%s', async (_, body, status, details) => {
    const served = await serving(routes);
    try {
      calls = 0;
      const answer = await served.ask('POST', '/api/v1/things', { body, headers });
      expect([answer.status, answer.json.error?.details, calls]).toEqual([status, details, status === 200 ? 1 : 0]);
      if (status === 400) expect(answer.json.error.code).toBe('MALFORMED_REQUEST');
    } finally {
      await served.stop();
    }
  });
});
