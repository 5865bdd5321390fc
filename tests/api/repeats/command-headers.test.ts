import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Route } from '../../../src/api/route.ts';
import { type Client, type Reply, startTestService, type TestService } from '../../support/service.ts';
import { type KeyedCall, keyedCalls, type Scene, setScene } from './keyed-calls.ts';

let service: TestService;
let ann: Client;
let bob: Client;
beforeAll(async () => {
  service = await startTestService();
  [ann, bob] = await Promise.all([service.someone('ann'), service.someone('bob')]);
}, 60_000);
afterAll(() => service?.stop());

const headers = ['If-Match', 'If-None-Match', 'Idempotency-Key', 'Prefer'] as const;
type Header = (typeof headers)[number];
type Effect = 'obeyed' | 'refused' | 'none';
const effects = (...each: [Effect, Effect, Effect, Effect]): Record<Header, Effect> => {
  const [ifMatch, ifNoneMatch, key, prefer] = each;
  return { 'If-Match': ifMatch, 'If-None-Match': ifNoneMatch, 'Idempotency-Key': key, Prefer: prefer };
};

/** What each header does on the commands on tasks, by route; on all other commands, none has an effect. */
const onTask = effects('obeyed', 'obeyed', 'obeyed', 'obeyed');
const withoutBody = effects('obeyed', 'obeyed', 'obeyed', 'none');
const onMany = effects('refused', 'none', 'obeyed', 'obeyed');
const withoutEffect = effects('none', 'none', 'none', 'none');
const table: Record<string, Record<Header, Effect>> = {
  'POST /tasks': onMany,
  'PUT /tasks/:task_id': onTask,
  'PATCH /tasks/:task_id': onTask,
  'DELETE /tasks/:task_id': withoutBody,
  'DELETE /tasks/:task_id/force': effects('none', 'none', 'obeyed', 'none'),
  'POST /tasks/:task_id/restore': onTask,
  'POST /tasks/:task_id/assign': onTask,
  'POST /tasks/:task_id/transition': onTask,
  'POST /tasks/:task_id/tags': onTask,
  'DELETE /tasks/:task_id/tags/:tag': onTask,
  'POST /tasks/:task_id/undo': onTask,
  'POST /tasks/:task_id/share': onTask,
  'PUT /tasks/:task_id/share/:user': onTask,
  'DELETE /tasks/:task_id/share/:user': withoutBody,
  'POST /tasks/:task_id/transfer': onTask,
  'POST /tasks/:task_id/comments': onTask,
  'PATCH /tasks/:task_id/comments/:comment_id': onTask,
  'DELETE /tasks/:task_id/comments/:comment_id': withoutBody,
  'POST /tasks/:task_id/comments/:comment_id/restore': onTask,
  'POST /tasks/:task_id/files': onTask,
  'DELETE /files/:file_id': withoutBody,
  'POST /tasks/bulk-status': onMany,
  'PATCH /tasks/bulk': onMany,
  'POST /tasks/bulk-delete': onMany,
  'POST /activity/undo': onMany,
};
const otherCommands = /^\w+ \/(auth|admin|async|webhooks|notifications)\b/;

const nameOf = ({ method, path }: Route) => `${method.toUpperCase()} ${path}`;
const declared = ({ obeys, refuses }: Route) =>
  Object.fromEntries(headers.map((header) => [header, obeys?.includes(header) ? 'obeyed' : refuses === header ? 'refused' : 'none']));

test('every command says of each header whether it obeys or refuses it, as the contract does', () => {
  const commands = service.routes.filter(({ method }) => method !== 'get');
  const expected = (name: string) => table[name] ?? (otherCommands.test(name) ? withoutEffect : 'not in the table');
  for (const route of commands) expect([nameOf(route), declared(route)]).toEqual([nameOf(route), expected(nameOf(route))]);
});

let keys = 0;
/** What the calls with a header are to be answered, by what it does. */
const checks: Record<Header, Record<Effect, (call: (header?: string) => Promise<Reply>, scene: Scene) => Promise<void>>> = {
  'If-Match': {
    async obeyed(call) {
      expect(short(await call('"999"'))).toEqual([412, 'REVISION_MISMATCH']);
      expect(short(await call('999'))).toEqual([422, 'VALIDATION_FAILED']);
      expect((await call('*')).status).toBeLessThan(300);
    },
    async refused(call) {
      const { status, body } = await call('*');
      expect([status, body.error.details]).toEqual([422, [{ path: 'header.if-match', message: expect.any(String), code: 'unknown_key' }]]);
    },
    none: async (call) => expect((await call('"999"')).status).toBeLessThan(300),
  },
  'If-None-Match': {
    async obeyed(call, { taskId }) {
      const revision = (await ann.get(`/activity/tasks/${taskId}/verify`)).body.events - 1;
      for (const tags of ['*', `"${revision}"`, `"999", W/"${revision}"`]) {
        const { status, headers, body } = await call(tags);
        const detailsOf412 = [412, `"${revision}"`, { code: 'REVISION_MISMATCH', details: [] }];
        expect([status, headers.get('etag'), body.error]).toMatchObject(detailsOf412);
      }
      expect(short(await call(`${revision}`))).toEqual([422, 'VALIDATION_FAILED']);
      expect((await call('"999"')).status).toBeLessThan(300);
    },
    refused: () => Promise.reject(new Error('no route refuses it')),
    none: async (call) => expect((await call('*')).status).toBeLessThan(300),
  },
  'Idempotency-Key': {
    async obeyed(call) {
      const key = `key-${++keys}`;
      const [first, again] = [await call(key), await call(key)];
      const replayed = [first, again].map((reply) => reply.headers.get('idempotent-replayed'));
      expect([first.status, again.status, again.body, replayed]).toEqual([expect.any(Number), first.status, first.body, [null, 'true']]);
      expect(first.status).toBeLessThan(300);
    },
    refused: () => Promise.reject(new Error('no route refuses it')),
    none: () => Promise.reject(new Error('every command on a task obeys it')),
  },
  Prefer: {
    async obeyed(call) {
      const { status, headers, text } = await call('return=minimal');
      expect([[201, 204].includes(status), headers.get('preference-applied'), text]).toEqual([true, 'return=minimal', '']);
    },
    refused: () => Promise.reject(new Error('no route refuses it')),
    none: async (call) => expect((await call('return=minimal')).headers.get('preference-applied')).toBeNull(),
  },
};
const short = ({ status, body }: Reply) => [status, body?.error?.code];

describe.each(Object.entries(table))('%s', (name, cells) => {
  const keyed = keyedCalls[name] as KeyedCall;
  test.each(headers)('does with %s what the table says', async (header) => {
    const scene = await setScene(ann, service.url, bob, keyed);
    const call = (value = '') => keyed.call(scene, ann, { [header.toLowerCase()]: value }, service.url);
    await checks[header][cells[header]!](call, scene);
  });
});

describe('Prefer', () => {
  const bulkCalls = (ids: string[], prefer: string): Promise<Reply>[] => [
    ann.post('/tasks/bulk-status', { task_ids: ids, target_status: 'in_progress' }, { prefer }),
    ann.patch('/tasks/bulk', { task_ids: ids, updates: { title: 'Named' } }, { prefer }),
    ann.post('/tasks/bulk-delete', { task_ids: ids }, { prefer }),
  ];
  const outcome = ({ status, headers, body }: Reply) => [status, headers.get('preference-applied'), body?.successful, body?.failed];

  test('shortens the response of a bulk call only where every task succeeded', async () => {
    const absent = '00000000-0000-7000-8000-000000000000';
    const aTask = async () => (await ann.post('/tasks', { title: 'One' })).body.id;
    for (let n = 0; n < 3; n++) {
      const one = async (ids: string[]) => outcome(await bulkCalls(ids, 'return=minimal')[n]!);
      expect(await one([await aTask(), await aTask()])).toEqual([204, 'return=minimal', undefined, undefined]);
      expect(await one([await aTask(), absent])).toEqual([200, null, 1, 1]);
      expect(await one([absent])).toEqual([200, null, 0, 1]);
    }
  });

  test('shortens the response of an undo only where nothing was refused or left', async () => {
    const ids = [0, 1].map(() => ann.post('/tasks', { title: 'One' }));
    const [one, two] = (await Promise.all(ids)).map(({ body }) => body.id);
    const run = async () =>
      (await ann.patch('/tasks/bulk', { task_ids: [one, two], updates: { title: `${++keys}` } })).headers.get('tasktrail-operation');
    const undo = async (operation: unknown) => {
      const { status, headers, body } = await ann.post('/activity/undo', { operation_id: operation }, { prefer: 'return=minimal' });
      return [status, headers.get('preference-applied'), body?.undone, body?.skipped];
    };
    expect(await undo(await run())).toEqual([204, 'return=minimal', undefined, undefined]);
    const some = await run();
    await ann.patch(`/tasks/${one}`, { title: 'In the way' });
    expect(await undo(some)).toEqual([200, null, 1, 1]);
    const none = await run();
    for (const id of [one, two]) await ann.patch(`/tasks/${id}`, { title: 'In the way' });
    expect(await undo(none)).toEqual([200, null, 0, 2]);
    const created = await ann.post('/tasks', { title: 'Stands' });
    expect((await undo(created.headers.get('tasktrail-operation')))[0]).toBe(200);
  });

  test.each([
    ['return=minimal', true],
    ['RETURN = "minimal"; foo="a,b;c"', true],
    ['respond-async, wait=10, return=minimal', true],
    ['return=minimal, return=representation', true],
    ['return=representation, return=minimal', false],
    ['handling=lenient; return=minimal', false],
    ['foo="return=minimal, return=minimal"', false],
    ['return', false],
    ['xreturn=minimal', false],
  ])('%s: minimal is %s', async (prefer, isMinimal) => {
    const { status } = await ann.patch(`/tasks/${(await ann.post('/tasks', { title: 'One' })).body.id}`, { title: 'Two' }, { prefer });
    expect(status).toBe(isMinimal ? 204 : 200);
  });
});
