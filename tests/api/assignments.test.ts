import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { createTestDatabase } from '../support/postgres.ts';
import { type Client, createClient, type Reply } from '../support/service.ts';
import { startWeakened, type Weakened } from '../support/weakened.ts';

jest.setTimeout(60_000);

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let service: Weakened;
let owner: Client;
let editor: Client;
let viewer: Client;
let stranger: Client;
beforeAll(async () => {
  database = await createTestDatabase();
  service = await startWeakened({ sameStores: { DATABASE_URL: database.connectionString } });
  [owner, editor, viewer, stranger] = await Promise.all([register('owner'), register('editor'), register('viewer'), register('stranger')]);
});
afterAll(async () => {
  await service?.stop();
  await database?.drop();
});

async function register(name: string): Promise<Client> {
  const account = { email: `${name}@tasks.test`, username: `the-${name}`, password: 'Passw0rd-of-mine' };
  const { body } = await createClient(service.url).post('/auth/register', account);
  return { ...createClient(service.url, body.access_token), id: body.user.id, username: account.username };
}

const outcome = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body.error.code}`);

/** A task of the owner's, shared with the editor and the viewer; with what may be done to it, by path. */
async function aTask() {
  const { body } = await owner.post('/tasks', { title: 'Shared' });
  const at = `/tasks/${body.id}`;
  await owner.post(`${at}/share`, { user_id: editor.id, permission: 'edit' });
  await owner.post(`${at}/share`, { user_id: viewer.id, permission: 'view' });
  return {
    at,
    id: body.id as string,
    assign: (by: Client, to: Client | null, headers = {}) => by.post(`${at}/assign`, { assignee_id: to?.id ?? null }, headers),
    edit: (by: Client, change: object = { title: `By ${by.username}` }) => by.patch(at, change),
    share: (of: Client, permission: string) => owner.put(`${at}/share/${of.id}`, { permission }),
    unshare: (of: Client, by = owner) => by.delete(`${at}/share/${of.id}`),
    /** The permission as the task, a list and a past list show it. */
    async permission(of: Client, position?: string | null) {
      const fresh = { 'tasktrail-position': position ?? (await owner.get(at)).headers.get('tasktrail-position')! };
      const one = await of.get(at);
      const list = (await of.get('/tasks?per_page=100', fresh)).body.items.find(({ id }: { id: string }) => id === body.id);
      const past = (await of.get(`/tasks?per_page=100&as_of=${new Date().toISOString()}`, fresh)).body.items;
      const then = past.find(({ id }: { id: string }) => id === body.id);
      return [one.body.permission, list?.permission, then?.permission];
    },
    assignee: async () => (await owner.get(at)).body.assignee?.username ?? null,
  };
}

/** What users try, and what becomes of it. */
const scenarios = {
  async 'an editor who assigns themselves gains nothing'() {
    const task = await aTask();
    const assigned = outcome(await task.assign(editor, editor));
    await task.share(editor, 'view');
    return [assigned, outcome(await task.edit(editor)), ...(await task.permission(editor))];
  },
  async 'an editor cannot force the deletion of a task that they are assigned without access'() {
    const task = await aTask();
    await task.assign(editor, editor);
    return [outcome(await editor.delete(`${task.at}/force`)), outcome(await owner.get(task.at))];
  },
  async 'an editor cannot end an assignment that is the only access'() {
    const task = await aTask();
    await task.assign(owner, stranger);
    const bulk = await editor.patch('/tasks/bulk', { task_ids: [task.id], updates: { assignee_id: editor.id } });
    return [
      outcome(await task.assign(editor, editor)),
      outcome(await task.assign(editor, null)),
      outcome(await task.edit(editor, { assignee_id: null })),
      outcome(await editor.put(task.at, { title: 'Put', assignee_id: editor.id })),
      bulk.body.results[0].code,
      outcome(await stranger.get(task.at)),
    ];
  },
  async 'an editor cannot assign a user who may not edit'() {
    const task = await aTask();
    const bulk = await editor.patch('/tasks/bulk', { task_ids: [task.id], updates: { assignee_id: viewer.id } });
    return [
      outcome(await task.assign(editor, viewer)),
      outcome(await task.edit(editor, { assignee_id: viewer.id })),
      outcome(await editor.put(task.at, { title: 'Put', assignee_id: stranger.id })),
      bulk.body.results[0].code,
      outcome(await task.edit(viewer)),
    ];
  },
  async 'an owner makes an assignment give access'() {
    const task = await aTask();
    await task.assign(editor, editor);
    const before = (await owner.get(task.at)).body.revision;
    await task.edit(owner, { assignee_id: editor.id });
    const unchanged = (await owner.get(task.at)).body.revision;
    const { body, headers } = await task.assign(owner, editor);
    await task.share(editor, 'view');
    const { details, summary } = await lastActivity(task.id, headers);
    await editor.patch('/auth/me', { username: 'renamed-editor' });
    const renamed = await lastActivity(task.id, headers);
    await editor.patch('/auth/me', { username: 'the-editor' });
    return [
      unchanged - before,
      body.revision - unchanged,
      details.gives_access,
      summary,
      renamed.summary,
      outcome(await task.edit(editor)),
    ];
  },
  async 'the last access takes an assignment without access along, and one undo brings both back'() {
    const task = await aTask();
    const before = (await task.assign(editor, editor)).headers.get('tasktrail-position');
    const { headers } = await task.unshare(editor);
    const [feed, gone] = [await editor.get(`/events?after=${before}`, headersOf(headers)), await task.assignee()];
    const undone = await owner.post(`${task.at}/undo`, {});
    const told = feed.body.events.map(({ type, data }: { type: string; data: object }) => ({ type, data }));
    return [gone, told, undone.body.assignee?.username, ...(await task.permission(editor))];
  },
  async 'an owner who transfers the task and keeps nothing loses an assignment without access'() {
    const task = await aTask();
    await task.assign(editor, owner);
    const reply = await owner.post(`${task.at}/transfer`, { new_owner_id: viewer.id, keep: null });
    return [outcome(reply), reply.body.permission, (await viewer.get(task.at)).body.assignee];
  },
  async 'an undo by an editor restores an assignment without access'() {
    const task = await aTask();
    await task.assign(owner, editor);
    await task.edit(editor, { assignee_id: null });
    const undone = await editor.post(`${task.at}/undo`, {});
    await task.share(editor, 'view');
    return [undone.body.assignee?.username, outcome(await task.edit(editor))];
  },
  async 'an undo by an owner gives no access that was not there'() {
    const task = await aTask();
    await task.assign(editor, editor);
    const { headers } = await task.assign(owner, null);
    const undone = await owner.post('/activity/undo', { operation_id: headers.get('tasktrail-operation') });
    await task.share(editor, 'view');
    return [undone.body.undone, await task.assignee(), outcome(await task.edit(editor))];
  },
  async 'an assignee gives up, with a response that says what is left, also when it is repeated'() {
    const task = await aTask();
    await task.assign(owner, stranger);
    const key = { 'idempotency-key': `give-up-${task.id}` };
    const [first, again] = [await task.assign(stranger, null, key), await task.assign(stranger, null, key)];
    await task.assign(owner, viewer);
    await task.share(viewer, 'edit');
    await task.assign(owner, null);
    await task.assign(editor, viewer);
    await task.share(viewer, 'view');
    const other = { 'idempotency-key': `give-up-too-${task.id}` };
    const [bare, repeated] = [await task.assign(viewer, null, other), await task.assign(viewer, null, other)];
    return [first, again, bare, repeated].map((reply) => `${outcome(reply)} ${reply.body.permission}`);
  },
};

async function lastActivity(taskId: string, headers: Headers) {
  return (await owner.get(`/activity/tasks/${taskId}?per_page=100`, headersOf(headers))).body.items.findLast(
    ({ action }: { action: string }) => action === 'assigned',
  );
}

const headersOf = (headers: Headers) => ({ 'tasktrail-position': headers.get('tasktrail-position')! });

const expected: { [S in keyof typeof scenarios]: unknown } = {
  'an editor who assigns themselves gains nothing': [200, '403 FORBIDDEN', 'view', 'view', 'view'],
  'an editor cannot force the deletion of a task that they are assigned without access': ['403 FORBIDDEN', 200],
  'an editor cannot end an assignment that is the only access': [
    ...['403 FORBIDDEN', '403 FORBIDDEN', '403 FORBIDDEN', '403 FORBIDDEN'],
    ...['FORBIDDEN', 200],
  ],
  'an editor cannot assign a user who may not edit': [
    ...['403 ASSIGNEE_HAS_NO_ACCESS', '403 ASSIGNEE_HAS_NO_ACCESS', '403 ASSIGNEE_HAS_NO_ACCESS'],
    ...['ASSIGNEE_HAS_NO_ACCESS', '403 FORBIDDEN'],
  ],
  'an owner makes an assignment give access': [
    ...[0, 1, true, 'Gave the-editor access by the assignment', 'Gave renamed-editor access by the assignment'],
    200,
  ],
  'the last access takes an assignment without access along, and one undo brings both back': [
    null,
    [{ type: 'tasktrail.task.unshared.v1', data: { task: { id: expect.any(String) } } }],
    'the-editor',
    ...['edit', 'edit', 'edit'],
  ],
  'an owner who transfers the task and keeps nothing loses an assignment without access': [200, null, null],
  'an undo by an editor restores an assignment without access': ['the-editor', '403 FORBIDDEN'],
  'an undo by an owner gives no access that was not there': [1, 'the-editor', '403 FORBIDDEN'],
  'an assignee gives up, with a response that says what is left, also when it is repeated': [
    '200 null',
    '200 null',
    '200 view',
    '200 view',
  ],
};
type Scenario = keyof typeof scenarios;

test.each(Object.keys(scenarios) as Scenario[])('%s', async (scenario) => {
  expect(await scenarios[scenario]()).toEqual(expected[scenario]);
});

test.each<[mutation: string, scenario: Scenario]>([
  ['assignments of editors give no access', 'an editor who assigns themselves gains nothing'],
  ['assignments of editors give no access', 'an undo by an editor restores an assignment without access'],
  ['an assignment without access is worth the share', 'an editor who assigns themselves gains nothing'],
  ['force takes an assignment that gives access', 'an editor cannot force the deletion of a task that they are assigned without access'],
  ["only owners end an assignment that is another's only access", 'an editor cannot end an assignment that is the only access'],
  ['only owners assign users who may not edit', 'an editor cannot assign a user who may not edit'],
  [
    'an assignment without access ends with the last access',
    'the last access takes an assignment without access along, and one undo brings both back',
  ],
  [
    'an assignment without access ends with the last access',
    'an owner who transfers the task and keeps nothing loses an assignment without access',
  ],
  ['an undo gives no more access than there was', 'an undo by an owner gives no access that was not there'],
  ['the feed ends with the last access', 'the last access takes an assignment without access along, and one undo brings both back'],
])('without the rule that %s, it is not so that %s', async (mutation, scenario) => {
  await service.without(mutation);
  const results = await scenarios[scenario]().finally(() => service.without());
  expect(results).not.toEqual(expected[scenario]);
});
