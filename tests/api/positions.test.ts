import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, createClient, startTestService, type TestService } from '../support/service.ts';

const password = 'Passw0rd-of-mine';
let one: TestService;
let other: TestService;
let ann: Client;
/** One replay at a time of each: each call takes another. */
const webhookIds: string[] = [];
beforeAll(async () => {
  one = await startTestService();
  other = await startTestService(one.sameStores);
  const admin = await one.admin();
  const { id } = (await admin.post('/admin/users', { email: 'ann@tasks.test', username: 'ann', password })).body;
  const { access_token: token } = (await one.anonymous.post('/auth/login', { username: 'ann', password })).body;
  ann = { ...createClient(one.url, token), id, username: 'ann' };
  for (let n = 0; n < 8; n++)
    webhookIds.push((await ann.post('/webhooks', { url: `https://93.184.215.14/${n}`, types: ['user.erased'] })).body.id);
  await ann.post('/tasks', { title: 'There is something' });
}, 60_000);
afterAll(async () => {
  await other?.stop();
  await one?.stop();
});

interface Outcome {
  status: number;
  faults?: unknown;
}

/** Sends a position to the instance at the address. */
type Send = (url: string, position: string) => Promise<Outcome>;

const get =
  (path: (position: string) => string): Send =>
  async (url, position) =>
    outcomeOf(await createClient(url, ann.token).get(path(position)));
const follow =
  (query: (position: string) => string, headers: (position: string) => Record<string, string> = () => ({})): Send =>
  async (url, position) => {
    const target = `${url}/api/v1/events/stream${query(position)}`;
    const response = await fetch(target, { headers: { authorization: `Bearer ${ann.token}`, ...headers(position) } });
    if (response.status !== 200) return outcomeOf({ status: response.status, body: (await response.json()) as Refusal });
    await response.body!.cancel();
    return { status: response.status };
  };

interface Refusal {
  error?: { details: { path: string; code: string }[] };
}

function outcomeOf({ status, body }: { status: number; body?: Refusal }): Outcome {
  const faults = body?.error?.details.map(({ path, code }) => [path, code]);
  return { status, ...(faults && { faults }) };
}

/** Every position that must be one of the log, by where it stands in the request. */
const places: Record<string, { path: string; send: Send }> = {
  'the start of a stream': { path: 'query.after', send: follow((position) => `?after=${position}`) },
  'the last event of a stream': {
    path: 'header.last-event-id',
    send: follow(
      () => '?after=0',
      (position) => ({ 'last-event-id': position }),
    ),
  },
  'the start of a replay': {
    path: 'after',
    send: async (url, position) => {
      const id = webhookIds.pop()!;
      return outcomeOf(await createClient(url, ann.token).post(`/webhooks/${id}/replay`, { after: position }));
    },
  },
  'the position of a past list': { path: 'query.as_of_position', send: get((position) => `/tasks?as_of_position=${position}`) },
  'the end of a difference': { path: 'query.to', send: get((position) => `/activity/diff?from=0&to=${position}`) },
  'the start of a difference': { path: 'query.from', send: get((position) => `/activity/diff?from=${position}&to=${position}0`) },
};
const isReplay = (name: string) => name === 'the start of a replay';
const head = async (): Promise<bigint> => BigInt((await ann.get('/events?after=head')).body.next);

describe.each(Object.entries(places))('%s', (name, { path, send }) => {
  const instances = () => [one.url, other.url];
  const done = { status: isReplay(name) ? 202 : 200 };

  test('is refused where it stays beyond the end of the log, on every instance', async () => {
    const beyond = String((await head()) + 1_000_000_000n);
    const refusals = await Promise.all(instances().map((url) => send(url, beyond)));
    const accepted = { status: 422, faults: [[expect.stringMatching(path === 'query.from' ? /^query\.(from|to)$/ : path), 'too_big']] };
    expect(refusals).toEqual([accepted, accepted]);
  });

  if (path === 'query.from') return;
  test('is accepted at the end of the log, and where the log reaches it in time', async () => {
    const end = await head();
    for (const url of instances()) expect(await send(url, String(end))).toEqual(done);
    const waiting = instances().map((url) => send(url, String(end + 1n)));
    expect((await ann.post('/tasks', { title: 'Moves the end on' })).status).toBe(201);
    expect(await Promise.all(waiting)).toEqual([done, done]);
  });
});

test('a poll from beyond the end has nothing, and says that it is neither caught up nor fresh', async () => {
  const beyond = String((await head()) + 1_000_000_000n);
  for (const url of [one.url, other.url]) {
    const { status, headers, body } = await createClient(url, ann.token).get(`/events?after=${beyond}`);
    expect([status, headers.get('tasktrail-stale'), body]).toEqual([200, 'true', { events: [], next: beyond, caught_up: false }]);
    const list = await createClient(url, ann.token).get('/tasks', { 'tasktrail-position': beyond });
    expect([list.status, list.headers.get('tasktrail-stale'), list.body.total > 0]).toEqual([200, 'true', true]);
  }
});
