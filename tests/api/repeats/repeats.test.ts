import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, createClient, type Reply, startTestService, type TestService } from '../../support/service.ts';
import { startWeakened } from '../../support/weakened.ts';
import { type KeyedCall, keyedCalls, type Scene, setScene } from './keyed-calls.ts';

const password = 'Passw0rd-of-mine';
let service: TestService;
let elsewhere: TestService;
let admin: Client;
let ann: Client;
let bob: Client;
beforeAll(async () => {
  service = await startTestService();
  elsewhere = await startTestService(service.sameStores);
  admin = await service.admin();
  [ann, bob] = await Promise.all([service.someone('ann'), service.someone('bob')]);
  await service.verifyAddress(bob);
}, 60_000);
afterAll(async () => {
  await elsewhere?.stop();
  await service?.stop();
});

let keys = 0;
const newKey = () => ({ 'idempotency-key': `key-${++keys}` });
const code = ({ status, body }: Reply) => `${status} ${body?.error?.code ?? ''}`.trim();
const isReplayed = ({ headers }: Reply) => headers.get('idempotent-replayed');

test('is about every route that takes an Idempotency-Key', () => {
  const obeying = service.routes.filter(({ obeys }) => obeys?.includes('Idempotency-Key'));
  const described = new Set(Object.keys(keyedCalls).map((name) => name.split(' # ')[0]));
  expect([...described].sort()).toEqual(obeying.map(({ method, path }) => `${method.toUpperCase()} ${path}`).sort());
});

describe('the repeat of a command that names a user', () => {
  const changes: Record<string, (named: Client) => Promise<Reply>> = {
    renamed: (named) => named.patch('/auth/me', { username: `${named.username}-now` }),
    disabled: (named) => admin.patch(`/admin/users/${named.id}`, { is_active: false }),
    erased: (named) => named.delete('/auth/me', { password, transfer_to: ann.id }),
  };

  test.each(Object.entries(changes))('returns the first outcome although the user has been %s since', async (how, change) => {
    const named = await registered(`named-${how}`);
    const done = await Promise.all(
      Object.entries(keyedCalls).map(async ([route, keyed]) => {
        const scene = await setScene(ann, service.url, named, keyed);
        const key = newKey();
        const first = await keyed.call(scene, ann, key, service.url);
        return { route, keyed, scene, key, first };
      }),
    );
    for (const { route, first } of done) expect([route, first.status < 300 ? 'done' : first.text]).toEqual([route, 'done']);
    expect((await change(named)).status).toBeLessThan(300);
    for (const { route, keyed, scene, key, first } of done) {
      const before = await eventsOf(scene);
      const again = await keyed.call(scene, ann, key, service.url);
      expect([route, again.status, withoutNames(again)]).toEqual([route, first.status, withoutNames(first)]);
      expect([route, isReplayed(again), await eventsOf(scene)]).toEqual([route, 'true', before]);
    }
  });

  async function registered(username: string): Promise<Client> {
    const email = `${username}@tasks.test`;
    const { id } = (await admin.post('/admin/users', { email, username, password })).body;
    const { access_token: token } = (await service.anonymous.post('/auth/login', { username, password })).body;
    const named = service.as({ ...ann, token, id, username });
    // A share by e-mail finds verified addresses alone.
    await service.verifyAddress(named);
    return named;
  }

  /** Whatever has become of the task, an admin sees it. */
  async function eventsOf({ taskId }: Scene): Promise<number> {
    return (await admin.get(`/activity/tasks/${taskId}/verify`)).body.events;
  }
});

/** The body but for names, which are those of the time of the answer, those that comments mention included. */
function withoutNames({ body }: Reply): unknown {
  const isName = (key: string) => key === 'username' || key === 'full_name';
  const plain = (value: unknown) => (typeof value === 'string' ? value.replace(/@[\w.-]+/g, '@name') : value);
  return body && JSON.parse(JSON.stringify(body, (key, value) => (isName(key) ? 'a name' : plain(value))));
}

describe('the repeat of a command that ended the access of its caller', () => {
  /** Each is a call of bob's on a task of ann's, after which bob has less access than before. */
  const ending: Record<
    string,
    { prepare(taskId: string): Promise<unknown>; call: (taskId: string, as: Client, key: object) => Promise<Reply> }
  > = {
    'giving the task away': {
      prepare: (id) => ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id }),
      call: (id, as, key) => as.post(`/tasks/${id}/transfer`, { new_owner_id: ann.id }, { ...key }),
    },
    'giving the task away and keeping nothing': {
      prepare: (id) => ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id }),
      call: (id, as, key) => as.post(`/tasks/${id}/transfer`, { new_owner_id: ann.id, keep: null }, { ...key }),
    },
    leaving: {
      prepare: (id) => ann.post(`/tasks/${id}/share`, { user_id: bob.id }),
      call: (id, as, key) => as.delete(`/tasks/${id}/share/${bob.username}`, undefined, { ...key }),
    },
    'giving an assignment back': {
      prepare: (id) => ann.post(`/tasks/${id}/assign`, { assignee_id: bob.id }),
      call: (id, as, key) => as.post(`/tasks/${id}/assign`, { assignee_id: null }, { ...key }),
    },
    'giving an assignment back by a change': {
      prepare: (id) => ann.post(`/tasks/${id}/assign`, { assignee_id: bob.id }),
      call: (id, as, key) => as.patch(`/tasks/${id}`, { assignee_id: null, title: 'Not mine' }, { ...key }),
    },
    'deleting it as its assignee': {
      prepare: (id) => ann.post(`/tasks/${id}/assign`, { assignee_id: bob.id }),
      call: (id, as, key) => as.delete(`/tasks/${id}/force`, undefined, { ...key }),
    },
    'undoing a change of the assignee': {
      async prepare(id) {
        await ann.post(`/tasks/${id}/assign`, { assignee_id: bob.id });
        await bob.post(`/tasks/${id}/assign`, { assignee_id: null });
        await ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id, keep: 'edit' });
        await bob.post(`/tasks/${id}/assign`, { assignee_id: bob.id });
        await bob.post(`/tasks/${id}/transfer`, { new_owner_id: ann.id, keep: null });
      },
      call: (id, as, key) => as.post(`/tasks/${id}/undo`, {}, { ...key }),
    },
  };

  test.each(Object.entries(ending))(
    '%s: returns the first outcome, one after another, five at once and on another instance',
    async (_, { prepare, call }) => {
      const { id } = (await ann.post('/tasks', { title: 'To be left' })).body;
      await prepare(id);
      const key = newKey();
      const five = await Promise.all(Array.from({ length: 5 }, () => call(id, bob, key)));
      const first = five.find((reply) => isReplayed(reply) === null)!;
      expect(first.status).toBeLessThan(300);
      await ann.patch(`/tasks/${id}`, { title: 'Written afterwards' });
      const more = [await call(id, bob, key), await call(id, elsewhere.as(bob), key)];
      for (const again of [...five, ...more]) expect([again.status, again.body]).toEqual([first.status, first.body]);
      expect([...five, ...more].filter((reply) => isReplayed(reply) === 'true')).toHaveLength(6);
    },
  );

  test('refuses it when another user has taken the rest of the access since', async () => {
    const { id } = (await ann.post('/tasks', { title: 'Given away' })).body;
    const key = newKey();
    expect((await ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id }, key)).status).toBe(200);
    expect((await ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id }, key)).status).toBe(200);
    await bob.put(`/tasks/${id}/share/${ann.id}`, { permission: 'view' });
    expect(code(await ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id }, key))).toBe('403 FORBIDDEN');
    await bob.delete(`/tasks/${id}/share/${ann.id}`);
    expect(code(await ann.post(`/tasks/${id}/transfer`, { new_owner_id: bob.id }, key))).toBe('404 TASK_NOT_FOUND');
  });

  test('refuses an admin’s command after the role was taken away', async () => {
    const { id: otherId } = (await admin.post('/admin/users', { email: 'other@tasks.test', username: 'other', password, role: 'admin' }))
      .body;
    const { access_token: token } = (await service.anonymous.post('/auth/login', { username: 'other', password })).body;
    const other = service.as({ ...ann, token, id: otherId, username: 'other' });
    const { id } = (await ann.post('/tasks', { title: 'Administered' })).body;
    const key = newKey();
    const command = () => other.patch(`/tasks/${id}`, { title: 'By an admin' }, key);
    expect([(await command()).status, isReplayed(await command())]).toEqual([200, 'true']);
    await admin.patch(`/admin/users/${otherId}`, { role: 'user' });
    expect(code(await command())).toBe('404 TASK_NOT_FOUND');
  });
});

describe('the repeat of a command whose caller has lost access since', () => {
  const canary = 'c4nary';

  /** What the repeat of each call is answered on the instance at the address, after the task went to another owner, who wrote to it. */
  async function repeatAfterLoss(url: string): Promise<[route: string, reply: Reply][]> {
    const caller = createClient(url, ann.token);
    return Promise.all(
      Object.entries(keyedCalls).map(async ([route, keyed]): Promise<[string, Reply]> => {
        const { scene, key } = await callAndLoseAccess(keyed);
        return [route, await keyed.call(scene, caller, key, url)];
      }),
    );
  }

  async function callAndLoseAccess(keyed: KeyedCall) {
    const scene = await setScene(ann, service.url, bob, keyed);
    const key = newKey();
    const first = await keyed.call(scene, ann, key, service.url);
    expect(first.status).toBeLessThan(300);
    const taskId = keyed === keyedCalls['POST /tasks'] ? first.body.id : scene.taskId;
    await admin.post(`/tasks/${taskId}/restore`, {});
    await admin.post(`/tasks/${taskId}/transfer`, { new_owner_id: bob.id, keep: null });
    await admin.delete(`/tasks/${taskId}/share/${ann.id}`);
    expect((await bob.patch(`/tasks/${taskId}`, { title: canary })).status).toBe(200);
    return { scene, key };
  }

  test('is 404, and none of its answers holds what was written afterwards', async () => {
    for (const [route, reply] of await repeatAfterLoss(service.url)) {
      expect([route, reply.text.includes(canary)]).toEqual([route, false]);
      const outcome = keyedCalls[route]!.isBulk ? reply.body.results.map((result: { code?: string }) => result.code) : code(reply);
      const absent = route.endsWith('/:file_id') ? '404 FILE_NOT_FOUND' : '404 TASK_NOT_FOUND';
      expect([route, outcome]).toEqual([route, keyedCalls[route]!.isBulk ? ['TASK_NOT_FOUND'] : absent]);
    }
  });

  test('is answered without the check of the permission', async () => {
    const weakened = await startWeakened(service);
    try {
      await weakened.without('repeats need the permission of today');
      const answered = (await repeatAfterLoss(weakened.url)).filter(([, { status }]) => status < 300).map(([route]) => route);
      expect(answered).toEqual(expect.arrayContaining(['POST /tasks', 'PATCH /tasks/:task_id', 'POST /tasks/:task_id/share']));
    } finally {
      await weakened.stop();
    }
  });
});
