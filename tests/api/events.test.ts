import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStream, type Sent, type SentEvents } from '../support/server-sent-events.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let other: TestService;
let ann: Client;
let bob: Client;
let admin: Client;

beforeAll(async () => {
  service = await startTestService();
  other = await startTestService(service.sameStores);
  [ann, bob, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.admin()]);
});
afterAll(async () => {
  await other?.stop();
  await service?.stop();
});

type Event = Record<string, string> & { data: Record<string, unknown> & { task?: { id: string; title?: string } } };

/** All that somebody's feed has from a position on. */
async function feed(client: Client, query = ''): Promise<Event[]> {
  const all: Event[] = [];
  for (let after = '0'; ; ) {
    const { status, body } = await client.get(`/events?after=${after}&limit=500${query}`);
    expect(status).toBe(200);
    all.push(...body.events);
    after = body.next;
    if (body.caught_up) return all;
  }
}

const about = (events: readonly Event[], id: string) => events.filter(({ data }) => data.task?.id === id);
const types = (events: readonly Event[]) => events.map(({ type }) => type!.replace(/^tasktrail\.|\.v1$/g, ''));
const aTask = async (client: Client, body: object = {}) => (await client.post('/tasks', { title: 'Water the plants', ...body })).body;

describe('an event', () => {
  test('is told as a CloudEvent', async () => {
    const task = await aTask(ann, { description: 'All of them' });
    const done = await ann.post(`/tasks/${task.id}/transition`, { target_status: 'done', comment: 'Soaked' }, { 'x-request-id': 'soak-1' });
    const [created, transitioned] = about(await feed(ann), task.id);
    const { title, status, priority, description, tags, due_date, completed_at } = task;
    expect(created!.data).toEqual({
      ...{ title, status, priority, description, tags, due_date, completed_at, owner_id: ann.id, assignee_id: null },
      task: { id: task.id, title, status },
    });
    expect(transitioned).toEqual({
      specversion: '1.0',
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      source: expect.stringMatching(/^urn:tasktrail:[0-9a-f-]{36}$/),
      type: 'tasktrail.task.transitioned.v1',
      subject: `tasks/${task.id}`,
      time: done.body.updated_at,
      datacontenttype: 'application/json',
      position: done.headers.get('tasktrail-position'),
      revision: 1,
      partitionkey: `task-${task.id}`,
      authtype: 'user',
      authid: ann.id,
      correlationid: done.headers.get('tasktrail-operation'),
      requestid: 'soak-1',
      data: {
        status: { from: 'todo', to: 'done' },
        completed_at: { from: null, to: done.body.completed_at },
        comment: 'Soaked',
        task: { id: task.id, title, status: 'done' },
      },
    });
  });

  test('has the comment that it is about as its subject, and the token that was used', async () => {
    const task = await aTask(ann);
    const { body: made } = await ann.post('/auth/tokens', { name: 'robot', scopes: ['tasks:write', 'events:read'] });
    const robot = { ...service.as({ ...ann, token: made.token }) };
    const comment = (await robot.post(`/tasks/${task.id}/comments`, { content: 'Beep' })).body;
    const [event] = await feed(robot, '&types=comment.added');
    expect(event).toMatchObject({
      subject: `tasks/${task.id}/comments/${comment.id}`,
      tokenid: made.id,
      authid: ann.id,
      data: { content: 'Beep' },
    });
  });

  test('of an account is its owner’s alone, not even an admin’s', async () => {
    expect(types(await feed(bob, '&types=user.*'))).toEqual(['user.registered']);
    const seen = await feed(admin, '&types=user.*');
    expect(new Set(seen.map(({ subject }) => subject))).toEqual(new Set([`users/${admin.id}`]));
  });
});

describe('access', () => {
  test('that is given shows the event that gave it, and all the past from the beginning', async () => {
    const task = await aTask(ann);
    const { next } = (await bob.get('/events?after=head')).body;
    expect(about(await feed(bob), task.id)).toEqual([]);
    await ann.post(`/tasks/${task.id}/share`, { user_id: bob.id });
    const { events } = (await bob.get(`/events?after=${next}`)).body;
    expect(types(events)).toEqual(['task.shared']);
    expect(events[0].data.task.title).toBe('Water the plants');
    expect(types(about(await feed(bob), task.id))).toEqual(['task.created', 'task.shared']);
  });

  test.each([
    ['a share revoked', 'share', (id: string) => ann.delete(`/tasks/${id}/share/${bob.id}`), 'task.unshared'],
    ['a task deleted', 'share', (id: string) => ann.delete(`/tasks/${id}`), 'task.deleted'],
    ['an assignment taken back', 'assign', (id: string) => ann.post(`/tasks/${id}/assign`, { assignee_id: null }), 'task.unassigned'],
    ['a share left', 'share', (id: string) => bob.delete(`/tasks/${id}/share/${bob.id}`), 'task.unshared'],
  ])('that ends, by %s, shows an event with the task’s id and no more, then nothing', async (_, way, end, type) => {
    const task = await aTask(ann, { description: 'Secret', tags: ['hidden'] });
    if (way === 'share') await ann.post(`/tasks/${task.id}/share`, { user_id: bob.id });
    else await ann.post(`/tasks/${task.id}/assign`, { assignee_id: bob.id });
    await ann.patch(`/tasks/${task.id}`, { title: 'Secret' });
    expect((await end(task.id)).status).toBeLessThan(300);
    await ann.patch(`/tasks/${task.id}`, { title: 'More secret' });
    const told = about(await feed(bob), task.id);
    expect(types(told)).toEqual([type]);
    expect(told[0]!.data).toEqual({ task: { id: task.id } });
    expect(JSON.stringify(told)).not.toMatch(/secret|hidden|Water|view/i);
    expect(Object.keys(told[0]!)).not.toContain('requestid');
  });

  test('on another ground is not lost, and what is regained shows whole', async () => {
    const task = await aTask(ann);
    await ann.post(`/tasks/${task.id}/share`, { user_id: bob.id });
    await ann.post(`/tasks/${task.id}/assign`, { assignee_id: bob.id });
    await ann.delete(`/tasks/${task.id}/share/${bob.id}`);
    const whole = ['task.created', 'task.shared', 'task.assigned', 'task.unshared'];
    expect(types(about(await feed(bob), task.id))).toEqual(whole);
    await ann.delete(`/tasks/${task.id}`);
    expect(types(about(await feed(bob), task.id))).toEqual(['task.deleted']);
    expect(types(about(await feed(ann), task.id))).toEqual([...whole, 'task.deleted']);
    await ann.post(`/tasks/${task.id}/restore`);
    expect(types(about(await feed(bob), task.id))).toEqual([...whole, 'task.deleted', 'task.restored']);
  });

  test('goes with a transfer that keeps nothing', async () => {
    const task = await aTask(ann);
    await ann.post(`/tasks/${task.id}/transfer`, { new_owner_id: bob.id, keep: null });
    expect(about(await feed(ann), task.id).map(({ data }) => data)).toEqual([{ task: { id: task.id } }]);
    expect(types(about(await feed(bob), task.id))).toEqual(['task.created', 'task.transferred']);
  });

  test('is everybody’s tasks for an admin', async () => {
    const task = await aTask(ann);
    await ann.delete(`/tasks/${task.id}`);
    expect(types(about(await feed(admin), task.id))).toEqual(['task.created', 'task.deleted']);
  });
});

describe('the pull feed', () => {
  test('is read piece by piece, in global order, without a gap', async () => {
    const all = await feed(ann);
    const pieces: Event[] = [];
    for (let after = '0'; ; ) {
      const { body } = await ann.get(`/events?after=${after}&limit=3`);
      expect(body.events.length).toBeLessThanOrEqual(3);
      pieces.push(...body.events);
      after = body.next;
      if (body.caught_up) break;
    }
    expect(pieces).toEqual(all);
    const positions = all.map(({ position }) => BigInt(position!));
    expect(positions).toEqual([...positions].sort((a, b) => (a < b ? -1 : 1)));
  });

  test('shows what was written just before, also on another instance', async () => {
    for (const instance of [ann, other.as(ann)]) {
      const task = await aTask(ann);
      expect(about(await feed(instance), task.id)).toHaveLength(1);
    }
  });

  test('has the types that are asked for', async () => {
    expect(new Set(types(await feed(ann, '&types=comment.*,task.transitioned')))).toEqual(new Set(['comment.added', 'task.transitioned']));
    expect(types(await feed(ann, '&types=*'))).not.toContain('user.registered');
  });

  test.each([
    ['after=tail', 'query.after', 'format'],
    ['types=task.renamed', 'query.types', 'not_one_of'],
    ['limit=501', 'query.limit', 'too_big'],
    ['limit=0', 'query.limit', 'too_small'],
    ['wait=31', 'query.wait', 'too_big'],
    ['token=x', 'query.token', 'unknown_key'],
  ])('refuses %s', async (query, path, code) => {
    const { status, body } = await ann.get(`/events?${query}`);
    expect([status, body.error.details]).toEqual([422, [{ path, message: expect.any(String), code }]]);
  });

  test('has nothing behind its end, and a position beyond it back', async () => {
    const { next } = (await ann.get('/events?after=head')).body;
    expect((await ann.get(`/events?after=${next}`)).body).toEqual({ events: [], next, caught_up: true });
    const beyond = await ann.get('/events?after=999999999999999999999&wait=30');
    expect(beyond.body).toEqual({ events: [], next: '999999999999999999999', caught_up: false });
    expect(beyond.headers.get('tasktrail-stale')).toBe('true');
  });

  test('waits for what comes: from here at once, from another instance within a second', async () => {
    for (const [writer, reader, within] of [
      [ann, ann, 800],
      [other.as(ann), ann, 1_000],
      [ann, other.as(ann), 1_000],
    ] as const) {
      const { next } = (await reader.get('/events?after=head')).body;
      const waiting = reader.get(`/events?after=${next}&wait=20`).then((reply) => ({ reply, at: performance.now() }));
      await new Promise((resolve) => setTimeout(resolve, 300));
      const task = await aTask(writer);
      const since = performance.now();
      const { reply, at } = await waiting;
      expect(about(reply.body.events, task.id)).toHaveLength(1);
      expect(at - since).toBeLessThan(within);
    }
  });

  test('waits no longer than it is asked to', async () => {
    const { next } = (await bob.get('/events?after=head')).body;
    const since = performance.now();
    expect((await bob.get(`/events?after=${next}&wait=1`)).body.events).toEqual([]);
    expect(performance.now() - since).toBeGreaterThan(900);
  });

  test('does not tell a caller whose session has ended while it waited', async () => {
    const gil = await service.someone('gil');
    const task = await aTask(ann);
    await ann.post(`/tasks/${task.id}/share`, { user_id: gil.id });
    const { next } = (await gil.get('/events?after=head')).body;
    const waiting = gil.get(`/events?after=${next}&wait=20`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await gil.post('/auth/logout', {});
    await ann.patch(`/tasks/${task.id}`, { title: 'Later' });
    expect((await waiting).status).toBe(401);
  });
});

describe('the live stream', () => {
  const open: SentEvents[] = [];
  const stream = async (client: Client, query = '', headers: Record<string, string> = {}, url = service.url) => {
    const opened = await openStream(`${url}/api/v1/events/stream${query}`, client.token, headers);
    open.push(opened);
    return opened;
  };
  afterAll(() => {
    for (const one of open) one.close();
  });
  const isCaughtUp = ({ event }: { event: string }) => event === 'caught_up';
  const isOf = (id: string, { data }: Sent) => data.data?.task?.id === id;

  test('tells all there was, then that it has, then what comes', async () => {
    const live = await stream(ann);
    expect(live.headers.get('content-type')).toBe('text/event-stream');
    const { id } = await live.until(isCaughtUp);
    const told = live.all.slice(0, live.all.findIndex(isCaughtUp));
    expect(told.map(({ data }) => data)).toEqual(await feed(ann));
    expect(told.every(({ id, event, data }) => id === data.position && event === data.type)).toBe(true);
    expect(BigInt(id!)).toBeGreaterThanOrEqual(BigInt(told.at(-1)!.id!));
    const task = await aTask(ann);
    const sent = await live.until((one) => isOf(task.id, one), 2_000);
    expect(sent.data).toEqual(about(await feed(ann), task.id)[0]);
  });

  test('goes on behind the last event, or behind a position', async () => {
    const all = await feed(ann);
    const { position } = all[1]!;
    for (const one of [await stream(ann, '?after=0', { 'last-event-id': position! }), await stream(ann, `?after=${position}`)]) {
      await one.until(isCaughtUp);
      expect(one.all.filter((sent) => !isCaughtUp(sent)).map(({ data }) => data)).toEqual(all.slice(2));
      one.close();
    }
    const { body } = await ann.get('/events/stream', { 'last-event-id': 'x' });
    expect(body.error.details).toEqual([{ path: 'header.last-event-id', message: expect.any(String), code: 'format' }]);
  });

  test('tells of access given and taken within a second, then nothing of that task, whichever instance did it', async () => {
    const live = await stream(bob, '?after=head');
    await live.until(isCaughtUp);
    for (const writer of [ann, other.as(ann)]) {
      const task = await aTask(ann);
      const ofTask = () => live.all.filter((one) => isOf(task.id, one)).map(({ data }) => data);
      await writer.post(`/tasks/${task.id}/share`, { user_id: bob.id });
      await live.until((one) => one.event === 'tasktrail.task.shared.v1' && isOf(task.id, one), 1_000);
      await writer.delete(`/tasks/${task.id}/share/${bob.id}`);
      await live.until((one) => one.event === 'tasktrail.task.unshared.v1' && isOf(task.id, one), 1_000);
      await writer.patch(`/tasks/${task.id}`, { title: 'Unseen' });
      const mark = await aTask(bob);
      await live.until((one) => isOf(mark.id, one), 2_000);
      // That it was made shows when it was not yet told of as not for Bob.
      expect(types(ofTask()).slice(-2)).toEqual(['task.shared', 'task.unshared']);
      expect(ofTask().at(-1).data).toEqual({ task: { id: task.id } });
    }
  });

  test('ends within a second of its session, of its token, and of the account', async () => {
    const [hal, ivy, joe] = await Promise.all(['hal', 'ivy', 'joe'].map((name) => service.someone(name)));
    const { body: token } = await ivy!.post('/auth/tokens', { name: 'robot', scopes: ['events:read'] });
    const streams = await Promise.all([
      stream(hal!),
      stream({ ...ivy!, token: token.token }),
      stream(joe!),
      stream(joe!, '', {}, other.url),
    ]);
    await Promise.all(streams.map((one) => one.until(isCaughtUp)));
    const ends = Promise.all(streams.map((one) => one.ended(5_000)));
    await Promise.all([
      hal!.post('/auth/logout', {}),
      ivy!.delete(`/auth/tokens/${token.id}`),
      admin.patch(`/admin/users/${joe!.id}`, { is_active: false }),
    ]);
    for (const milliseconds of await ends) expect(milliseconds).toBeLessThan(1_500);
  });

  test('is for those with the scope, who say so in the header, ten times at most', async () => {
    const kim = await service.someone('kim');
    const { body: token } = await kim.post('/auth/tokens', { name: 'robot', scopes: ['tasks:read'] });
    expect((await stream({ ...kim, token: token.token })).status).toBe(403);
    expect((await service.anonymous.get(`/events/stream?access_token=${kim.token}`)).status).toBe(401);
    const ten = await Promise.all(Array.from({ length: 10 }, () => stream(kim)));
    expect(ten.map(({ status }) => status)).toEqual(Array(10).fill(200));
    const { status, body } = await kim.get('/events/stream');
    expect([status, body.error.code, body.error.details]).toEqual([409, 'LIMIT_REACHED', [{ limit: 10 }]]);
    for (const one of ten) one.close();
  });
});
