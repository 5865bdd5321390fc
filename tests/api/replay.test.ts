import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { created, edited, type Happening, shared, tagged, transitioned } from '../support/happenings.ts';
import { type Client, type Reply, startTestService, type TestService } from '../support/service.ts';
import { type BesideLog, openBesideLog } from '../support/written-tasks.ts';

let service: TestService;
let log: BesideLog;
let ann: Client;
let bob: Client;
let cid: Client;
let admin: Client;

beforeAll(async () => {
  service = await startTestService();
  log = await openBesideLog(service);
  [ann, bob, cid, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.someone('cid'), service.admin()]);
});
afterAll(async () => {
  await log?.close();
  await service?.stop();
});

const code = (reply: Reply) => reply.body.error.code;
const faults = (reply: Reply) => reply.body.error.details.map(({ path, code }: { path: string; code: string }) => [path, code]);
const make = async (by: Client, task: object) => (await by.post('/tasks', task)).body;
const written = async (...happenings: Happening[]) => {
  const taskId = crypto.randomUUID();
  await log.write([{ taskId, happenings: happenings.map((one) => ({ by: ann.id, ...one })) }]);
  return taskId;
};

interface Sent {
  id: string | undefined;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: data may be anything
  data: any;
}

/** Follows a stream of events until it ends or is left. */
async function follow(client: Client, path: string, headers: Record<string, string> = {}) {
  const left = new AbortController();
  const response = await fetch(`${service.url}/api/v1${path}`, {
    headers: { authorization: `Bearer ${client.token}`, accept: 'text/event-stream', ...headers },
    signal: AbortSignal.any([left.signal, AbortSignal.timeout(15_000)]),
  });
  const events: Sent[] = [];
  const read = async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        events.push(sent(text.slice(0, end)));
        text = text.slice(end + 2);
      }
    }
  };
  const ended = read().catch(() => {});
  return { response, events, ended, leave: () => left.abort() };
}

function sent(frame: string): Sent {
  const fields = Object.fromEntries(frame.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
  return { id: fields.id, event: fields.event, data: JSON.parse(fields.data) };
}

async function until(isSo: () => boolean | Promise<boolean>, within = 3_000): Promise<void> {
  for (const deadline = Date.now() + within; !(await isSo()); await new Promise((resolve) => setTimeout(resolve, 10)))
    if (Date.now() > deadline) throw new Error('It did not come to be so');
}

describe('GET /activity/tasks/{id}/replay', () => {
  test('tells each event with what it changed, who did it, and the task as it then was', async () => {
    const { id } = await make(ann, { title: 'Water the ferns', due_date: '2020-01-01' });
    await ann.post(`/tasks/${id}/share`, { username: 'bob', permission: 'edit' });
    await bob.patch(`/tasks/${id}`, { title: 'Water the roses', status: 'done' });
    const { status, body } = await bob.get(`/activity/tasks/${id}/replay`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ total: 4, page: 1, per_page: 20, pages: 1, next_cursor: null });
    expect(body.items[2]).toMatchObject({
      revision: 2,
      event: 'tasktrail.task.edited.v1',
      actor: { id: bob.id, username: 'bob' },
      changes: [{ field: 'title', from: 'Water the ferns', to: 'Water the roses' }],
      state: { title: 'Water the roses', status: 'todo', overdue: true, permission: 'edit', share_count: 1, revision: 2 },
    });
    expect(Object.keys(body.items[0])).toEqual(['revision', 'event', 'occurred_at', 'actor', 'changes', 'state']);
    expect(body.items[3].state).toEqual((await bob.get(`/tasks/${id}`)).body);
    expect(body.items[0].state).toEqual((await bob.get(`/tasks/${id}?revision=0`)).body);
  });

  test('comes in parts, of a range', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const changes = names.slice(1).map((to, n) => edited({ title: { from: names[n]!, to } }));
    const id = await written(created({ title: 'a', owner_id: ann.id }), ...changes);
    const replay = `/activity/tasks/${id}/replay`;
    const titles = ({ body }: Reply) => body.items.map(({ state }: { state: { title: string } }) => state.title).join('');
    expect(titles(await ann.get(`${replay}?from_revision=2&to_revision=4`))).toBe('cde');
    const first = await ann.get(`${replay}?from_revision=1&per_page=2`);
    expect([titles(first), first.body.total, first.body.pages]).toEqual(['bc', 5, 3]);
    const second = await ann.get(`${replay}?from_revision=1&per_page=2&cursor=${first.body.next_cursor}`);
    expect([titles(second), second.body.total]).toEqual(['de', null]);
    expect(titles(await ann.get(`${replay}?from_revision=1&per_page=2&page=3`))).toBe('f');
    expect((await ann.get(`${replay}?page=9`)).body.items).toEqual([]);
    expect((await ann.get(`${replay}?from_revision=9`)).body).toMatchObject({ items: [], total: 0, next_cursor: null });
    expect(code(await ann.get(`${replay}?cursor=${first.body.next_cursor}`))).toBe('INVALID_CURSOR');
    expect(code(await bob.get(replay))).toBe('TASK_NOT_FOUND');
  });

  test('of a deleted task is for its owner and admins', async () => {
    const { id } = await make(ann, { title: 'Short-lived' });
    await ann.post(`/tasks/${id}/share`, { username: 'bob' });
    await ann.delete(`/tasks/${id}`);
    const replay = `/activity/tasks/${id}/replay`;
    expect((await ann.get(replay)).body.items.at(-1).changes).toEqual([{ field: 'deleted', from: false, to: true }]);
    expect((await admin.get(replay)).body.items[0].state.permission).toBe('admin');
    expect(code(await bob.get(replay))).toBe('TASK_NOT_FOUND');
  });

  test('is had as JSON or as a stream of events, and as nothing else', async () => {
    const { id } = await make(ann, { title: 'x' });
    const replay = `/activity/tasks/${id}/replay`;
    expect(code(await ann.get(replay, { accept: 'text/csv' }))).toBe('NOT_ACCEPTABLE');
    expect((await ann.get(replay, { accept: 'text/event-stream;q=0.5, application/json' })).body.total).toBe(1);
    expect(faults(await ann.get(`${replay}?speed=0`))).toEqual([['query.speed', 'too_small']]);
    expect(faults(await ann.get(`${replay}?speed=fast`))).toEqual([['query.speed', 'type']]);
    expect(faults(await ann.get(`${replay}?page=2`, { accept: 'text/event-stream' }))).toEqual([['query.page', 'conflicts_with']]);
    expect(code(await bob.get(replay, { accept: 'text/event-stream' }))).toBe('TASK_NOT_FOUND');
  });
});

describe('the stream of a replay', () => {
  test('tells the same at the pace at which it happened, times the speed, and that it was all', async () => {
    // A minute between two of them.
    const id = await written(created({ owner_id: ann.id }), transitioned('todo', 'in_progress'), transitioned('in_progress', 'blocked'));
    const replay = `/activity/tasks/${id}/replay`;
    const begun = performance.now();
    const { response, events, ended } = await follow(ann, `${replay}?speed=300`);
    await ended;
    const took = performance.now() - begun;
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(events.map(({ id }) => id)).toEqual(['0', '1', '2', undefined]);
    expect(events.slice(0, 3).map(({ data }) => data)).toEqual((await ann.get(replay)).body.items);
    expect(events[1]!.event).toBe('tasktrail.task.transitioned.v1');
    expect(events[3]).toEqual({ event: 'end', data: { revision: 2 }, id: undefined });
    expect(took).toBeGreaterThan(380);
    expect(took).toBeLessThan(3_000);
  });

  test('has gaps of two seconds at most, and goes on behind the last event that was had', async () => {
    const id = await written(created({ owner_id: ann.id }), transitioned('todo', 'in_progress'), transitioned('in_progress', 'blocked'));
    const begun = performance.now();
    const { events, ended } = await follow(ann, `/activity/tasks/${id}/replay?from_revision=1`);
    const rest = await follow(ann, `/activity/tasks/${id}/replay`, { 'last-event-id': '1' });
    await rest.ended;
    expect(rest.events.map(({ id, event }) => id ?? event)).toEqual(['2', 'end']);
    const over = await follow(ann, `/activity/tasks/${id}/replay`, { 'last-event-id': '2' });
    await over.ended;
    expect(over.events.map(({ event }) => event)).toEqual(['end']);
    await ended;
    expect(performance.now() - begun).toBeGreaterThan(1_900);
    expect(events.map(({ id, event }) => id ?? event)).toEqual(['1', '2', 'end']);
  });

  test('ends within a second of the session, of the access to the task, and when it is left gives up its place', async () => {
    const happenings = Array.from({ length: 30 }, (_, n) => tagged([`${n}`], [`${n + 1}`]));
    const id = await written(created({ owner_id: ann.id, tags: ['0'] }), shared(bob.id, 'view'), shared(cid.id, 'view'), ...happenings);
    const replay = `/activity/tasks/${id}/replay`;

    const ofCid = await follow(cid, replay);
    await until(() => ofCid.events.length > 0);
    await cid.post('/auth/logout', {});
    let since = performance.now();
    await ofCid.ended;
    expect(performance.now() - since).toBeLessThan(1_000);

    const ten = await Promise.all(Array.from({ length: 10 }, () => follow(bob, replay)));
    const refused = await bob.get(replay, { accept: 'text/event-stream' });
    expect([refused.status, refused.body.error.code, refused.body.error.details]).toEqual([409, 'LIMIT_REACHED', [{ limit: 10 }]]);
    ten[0]!.leave();
    const next: Awaited<ReturnType<typeof follow>>[] = [];
    await until(async () => {
      const one = await follow(bob, replay);
      next.push(one);
      return one.response.status === 200;
    });
    await ann.delete(`/tasks/${id}/share/bob`);
    since = performance.now();
    await Promise.all([...ten, ...next].map(({ ended }) => ended));
    expect(performance.now() - since).toBeLessThan(1_000);
    expect(ten[5]!.events.map(({ event }) => event)).not.toContain('end');
  });
});

describe('GET /tasks/{id}/diff', () => {
  test('tells what is different between two revisions, either way', async () => {
    const { id } = await make(ann, { title: 'Ferns', tags: ['a'] });
    await ann.patch(`/tasks/${id}`, { title: 'Roses', tags: ['b'], priority: 'high' });
    await ann.patch(`/tasks/${id}`, { title: 'Cacti', priority: 'medium' });
    const { body: comment } = await ann.post(`/tasks/${id}/comments`, { content: 'Well' });
    await ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id });
    const { revision } = (await ann.get(`/tasks/${id}`)).body;
    const forwards = [
      { field: 'title', from: 'Ferns', to: 'Cacti' },
      { field: 'tags', from: ['a'], to: ['b'] },
      { field: `comments.${comment.id}`, from: null, to: 'Well' },
      { field: 'owner_id', from: ann.id, to: bob.id },
      { field: `shares.${ann.id}`, from: null, to: 'edit' },
    ];
    expect((await ann.get(`/tasks/${id}/diff?from=0&to=${revision}`)).body).toEqual({ from: 0, to: revision, changes: forwards });
    const backwards = forwards.map(({ field, from, to }) => ({ field, from: to, to: from }));
    expect((await ann.get(`/tasks/${id}/diff?from=${revision}&to=0`)).body).toEqual({ from: revision, to: 0, changes: backwards });
    expect((await ann.get(`/tasks/${id}/diff?from=1&to=1`)).body.changes).toEqual([]);
    expect(code(await ann.get(`/tasks/${id}/diff?from=0&to=${revision + 1}`))).toBe('REVISION_NOT_FOUND');
    expect(faults(await ann.get(`/tasks/${id}/diff?from=0`))).toEqual([['query.to', 'required']]);
    expect(code(await cid.get(`/tasks/${id}/diff?from=0&to=1`))).toBe('SESSION_ENDED');
    expect(code(await admin.get(`/tasks/${crypto.randomUUID()}/diff?from=0&to=1`))).toBe('TASK_NOT_FOUND');

    await ann.delete(`/tasks/${id}/comments/${comment.id}`);
    expect((await ann.get(`/tasks/${id}/diff?from=${revision - 2}&to=${revision + 1}`)).body.changes).toEqual(forwards.slice(3));
  });
});

describe('GET /activity/diff', () => {
  /** A time that lies between two events. */
  const between = async () => {
    await new Promise((resolve) => setTimeout(resolve, 3));
    const time = new Date().toISOString();
    await new Promise((resolve) => setTimeout(resolve, 3));
    return time;
  };

  test('tells what became of each task between two moments', async () => {
    const dan = await service.someone('dan');
    const names = ['changed', 'finished', 'reopened', 'deleted', 'restored', 'as it was', 'gone before'];
    const ids: Record<string, string> = {};
    for (const title of names) ids[title] = (await make(dan, { title, ...(title === 'reopened' && { status: 'done' }) })).id;
    await dan.delete(`/tasks/${ids.restored}`);
    await dan.delete(`/tasks/${ids['gone before']}`);
    const from = await between();
    await dan.patch(`/tasks/${ids.changed}`, { title: 'other', tags: ['x'] });
    await dan.post(`/tasks/${ids.changed}/share`, { username: 'bob' });
    await dan.post(`/tasks/${ids.finished}/transition`, { target_status: 'done' });
    await dan.post(`/tasks/${ids.reopened}/transition`, { target_status: 'todo' });
    await dan.delete(`/tasks/${ids.deleted}`);
    await dan.post(`/tasks/${ids.restored}/restore`);
    await dan.patch(`/tasks/${ids['as it was']}`, { title: 'x' });
    await dan.patch(`/tasks/${ids['as it was']}`, { title: 'as it was' });
    const made = await make(dan, { title: 'created', priority: 'high' });
    const brief = await make(dan, { title: 'neither' });
    await dan.delete(`/tasks/${brief.id}`);
    const to = await between();
    await dan.patch(`/tasks/${ids.changed}`, { title: 'later' });

    const path = `/activity/diff?from=${from}&to=${to}`;
    const { status, body, headers } = await dan.get(path);
    expect(status).toBe(200);
    const kinds = Object.fromEntries(body.items.map(({ title, kind }: { title: string; kind: string }) => [title, kind]));
    expect(kinds).toEqual({
      other: 'changed',
      finished: 'finished',
      reopened: 'reopened',
      deleted: 'deleted',
      restored: 'restored',
      created: 'created',
    });
    expect(body.items[0]).toEqual({
      task_id: made.id,
      title: 'created',
      kind: 'created',
      changes: [
        { field: 'title', from: null, to: 'created' },
        { field: 'status', from: null, to: 'todo' },
        { field: 'priority', from: null, to: 'high' },
        { field: 'owner_id', from: null, to: dan.id },
      ],
    });
    expect(body.items.at(-1).changes).toEqual([
      { field: 'title', from: 'changed', to: 'other' },
      { field: 'tags', from: [], to: ['x'] },
      { field: `shares.${bob.id}`, from: null, to: 'view' },
    ]);
    expect([body.total, headers.get('tasktrail-as-of-position')]).toEqual([6, body.to]);

    const again = await dan.get(`/activity/diff?from=${body.from}&to=${body.to}&per_page=4`);
    expect(again.body.items).toEqual(body.items.slice(0, 4));
    const rest = await dan.get(`/activity/diff?from=${from}&to=${to}&per_page=4&cursor=${again.body.next_cursor}`);
    expect(rest.body.items).toEqual(body.items.slice(4));
    expect(Object.keys((await bob.get(path)).body.items.map(({ title }: { title: string }) => title))).toHaveLength(1);
    expect((await admin.get(path)).body.total).toBe(6);
  });

  test('takes times, dates and positions, in their order and not of the future', async () => {
    const today = new Date().toISOString().slice(0, 10);
    const yesterday = new Date(Date.now() - 86_400_000).toISOString().slice(0, 10);
    expect((await ann.get(`/activity/diff?from=${yesterday}&to=${yesterday}`)).body.total).toBe(0);
    expect((await ann.get(`/activity/diff?from=${today}&to=${new Date().toISOString()}`)).body.total).toBeGreaterThan(5);
    expect(faults(await ann.get(`/activity/diff?from=${today}&to=2999-01-01`))).toEqual([['query.to', 'too_big']]);
    expect(faults(await ann.get(`/activity/diff?from=${'9'.repeat(17)}&to=1`))).toEqual([['query.from', 'too_big']]);
    expect(faults(await ann.get('/activity/diff?from=2&to=1'))).toEqual([['query.to', 'too_small']]);
    expect(faults(await ann.get('/activity/diff?from=soon'))).toEqual([
      ['query.from', 'format'],
      ['query.to', 'required'],
    ]);
  });
});

describe('GET /tasks/stats/flow', () => {
  const today = (timezone: string) => new Intl.DateTimeFormat('en-CA', { timeZone: timezone }).format(new Date());

  test('tells from the history what was created, completed and open, and how long it took', async () => {
    const eve = await service.someone('eve');
    const done = await make(eve, { title: 'done twice' });
    for (const status of ['in_progress', 'done', 'todo', 'done']) await eve.post(`/tasks/${done.id}/transition`, { target_status: status });
    const reopened = await make(eve, { title: 'reopened', status: 'done' });
    await eve.post(`/tasks/${reopened.id}/transition`, { target_status: 'todo' });
    const deleted = await make(eve, { title: 'deleted' });
    await eve.delete(`/tasks/${deleted.id}`);
    const day = today('UTC');
    const { status, body } = await eve.get(`/tasks/stats/flow?from=2026-01-01&to=${day}&bucket=week`);
    expect(status).toBe(200);
    const open = { todo: 1, in_progress: 0, in_review: 0, blocked: 0, done: 1, cancelled: 0 };
    expect(body.buckets.at(-1)).toMatchObject({ created: 3, completed: 1, open });
    expect(body.buckets[0]).toMatchObject({ start: '2026-01-01', created: 0, completed: 0 });
    expect(body.buckets[1].start).toBe('2026-01-05');
    expect((await eve.get('/tasks/stats')).body.by_status).toEqual(open);
    expect([body.lead_time.count, body.cycle_time.count, body.time_in_status.in_progress.count]).toEqual([1, 1, 1]);
    expect(body.lead_time.p50).toBeGreaterThanOrEqual(body.cycle_time.p95);
    expect(body.ageing).toMatchObject([{ task_id: reopened.id, title: 'reopened', status: 'todo' }]);
    expect((await admin.get(`/tasks/stats/flow?from=${day}&to=${day}&scope=everyone`)).body.buckets[0].created).toBeGreaterThan(10);
    expect(code(await eve.get(`/tasks/stats/flow?from=${day}&to=${day}&scope=everyone`))).toBe('ADMIN_ONLY');
  });

  test("counts days of the caller's time zone, or of the one that is asked for", async () => {
    const fay = await service.someone('fay');
    await make(fay, { title: 'now' });
    for (const timezone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago']) {
      const day = today(timezone);
      const path = `/tasks/stats/flow?from=${day}&to=${day}`;
      const asked = (await fay.get(`${path}&timezone=${timezone}`)).body;
      expect(asked.buckets).toMatchObject([{ start: day, created: 1 }]);
      await fay.patch('/auth/me', { timezone });
      expect((await fay.get(path)).body.buckets).toEqual(asked.buckets);
    }
  });

  test('of at most 366 buckets, in their order; what has not begun is left out', async () => {
    const flow = async (query: string) => faults(await ann.get(`/tasks/stats/flow?${query}`));
    expect((await ann.get('/tasks/stats/flow?from=2024-01-01&to=2024-12-31')).body.buckets).toHaveLength(366);
    expect(await flow('from=2024-01-01&to=2025-01-01')).toEqual([['query.to', 'too_big']]);
    expect((await ann.get('/tasks/stats/flow?from=2020-01-01&to=2025-01-01&bucket=week')).status).toBe(200);
    expect(await flow('from=2010-01-01&to=2025-01-01&bucket=week')).toEqual([['query.to', 'too_big']]);
    expect(await flow('from=2025-01-02&to=2025-01-01')).toEqual([['query.to', 'too_small']]);
    expect(await flow('from=2025-01-02&timezone=Mars/Olympus&bucket=month')).toEqual([
      ['query.to', 'required'],
      ['query.bucket', 'not_one_of'],
      ['query.timezone', 'not_one_of'],
    ]);
    expect((await ann.get('/tasks/stats/flow?from=9999-01-01&to=9999-12-31')).body.buckets).toEqual([]);
  });
});
