import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openStream } from '../support/server-sent-events.ts';
import { type Client, createClient, startTestService, type TestService } from '../support/service.ts';
import { upload } from '../support/uploads.ts';
import { startWeakened } from '../support/weakened.ts';
import { type Receiver, startReceiver } from '../support/webhook-receiver.ts';

const password = 'Passw0rd-of-mine';
let service: TestService;
let receiver: Receiver;
let admin: Client;
let ann: Client;
let viewer: Client;
let editor: Client;
let assignee: Client;
let canary: Client;
/** A task of ann's whose history is about the canary's share, and another that was the editor's when it was shared. */
let taskId: string;
let formerId: string;
let sharing: { operation: string; revision: number };
let comment: string;
let file: string;

beforeAll(async () => {
  service = await startTestService({ WEBHOOK_ALLOW_PRIVATE: 'true' });
  receiver = await startReceiver();
  admin = await service.admin();
  ann = await madeByAdmin('ann');
  viewer = await madeByAdmin('the-viewer');
  editor = await madeByAdmin('the-editor');
  assignee = await madeByAdmin('the-assignee');
  canary = await madeByAdmin('c4nary');
  for (const person of [viewer, editor, assignee]) {
    expect((await person.post('/webhooks', { url: `${receiver.url}/${person.username}`, types: ['*'] })).status).toBe(201);
  }
  taskId = (await ann.post('/tasks', { title: 'Shared with many' })).body.id;
  await ann.post(`/tasks/${taskId}/assign`, { assignee_id: assignee.id });
  await ann.post(`/tasks/${taskId}/share`, { user_id: viewer.id });
  await ann.post(`/tasks/${taskId}/share`, { user_id: editor.id, permission: 'edit' });
  comment = (await ann.post(`/tasks/${taskId}/comments`, { content: 'First' })).body.id;
  file = (await upload(service.url, ann, taskId, { name: 'first.txt', content: 'First' })).body.id;
  const share = `/tasks/${taskId}/share`;
  await ann.post(share, { user_id: canary.id });
  await ann.put(`${share}/${canary.id}`, { permission: 'edit' });
  await ann.delete(`${share}/${canary.id}`);
  await ann.post(share, { user_id: canary.id });
  await ann.delete(`/tasks/${taskId}`);
  await ann.post(`/tasks/${taskId}/restore`, {});
  formerId = (await editor.post('/tasks', { title: 'Once the editor’s' })).body.id;
  const shared = await editor.post(`/tasks/${formerId}/share`, { user_id: canary.id });
  sharing = { operation: shared.headers.get('tasktrail-operation')!, revision: Number(shared.headers.get('tasktrail-revision')) };
  await editor.post(`/tasks/${formerId}/transfer`, { new_owner_id: ann.id, keep: 'edit' });
  await ann.put(`/tasks/${formerId}/share/${canary.id}`, { permission: 'edit' });
}, 60_000);
afterAll(async () => {
  await receiver?.stop();
  await service?.stop();
});

/** With an address that needs no verification. */
async function madeByAdmin(username: string): Promise<Client> {
  const { id } = (await admin.post('/admin/users', { email: `${username}@tasks.test`, username, password })).body;
  const { access_token: token } = (await service.anonymous.post('/auth/login', { username, password })).body;
  return { ...createClient(service.url, token), id, username };
}

/** What people are shown besides shares: who there is. */
const namesEveryone = ['/users'];
const queries: Record<string, () => string> = {
  '/tasks/:task_id': () => '?include=comments,files,shares',
  '/tasks/:task_id/diff': () => '?from=0&to=9',
  '/activity/tasks/:task_id': () => '?per_page=100',
  '/activity/tasks/:task_id/replay': () => '?per_page=100',
  '/activity/diff': () => '?from=0&to=2100-01-01&per_page=100',
  '/events': () => '?limit=500',
};

/** The answers to every GET of the route table, and to the commands whose refusals tell of events, by what was asked. */
async function everythingSaidTo(reader: Client): Promise<Record<string, string>> {
  const said: Record<string, string> = {};
  const reads = service.routes.filter(({ method, root, path }) => method === 'get' && !root && !namesEveryone.includes(path));
  for (const { path } of reads) {
    if (path === '/events/stream') continue;
    const ids: Record<string, string> = { task_id: taskId, comment_id: comment, file_id: file };
    const target = path.replace(/:(\w+)/g, (_, name: string) => ids[name] ?? randomUUID());
    const query = path === '/activity/diff' ? await changesQuery(reader) : (queries[path]?.() ?? '');
    said[`GET ${path}`] = (await reader.get(target + query)).text;
  }
  said['GET /activity as CSV'] = (await reader.get('/activity?format=csv')).text;
  said['412'] = (await reader.post(`/tasks/${taskId}/comments`, { content: 'x' }, { 'if-match': '"0"' })).text;
  said.undo = (await reader.post(`/tasks/${formerId}/undo`, { revision: sharing.revision })).text;
  said['undo of a run'] = (await reader.post('/activity/undo', { operation_id: sharing.operation, dry_run: true })).text;
  return said;
}

async function changesQuery(reader: Client): Promise<string> {
  const head = (await reader.get('/events?after=head')).body.next;
  return `?from=0&to=${head}&per_page=100`;
}

function leaksIn(said: Record<string, string>): string[] {
  const words = [canary.id, canary.username];
  return Object.entries(said).flatMap(([place, text]) => (words.some((word) => text.includes(word)) ? place : []));
}

describe('the shares of others', () => {
  test.each(['viewer', 'editor', 'assignee'])('are in no response to a %s', async (name) => {
    const reader = { viewer, editor, assignee }[name]!;
    const said = await everythingSaidTo(reader);
    expect(leaksIn(said)).toEqual([]);
    expect(said['412']).toContain('REVISION_MISMATCH');
    if (name === 'editor') expect([said.undo, said['undo of a run']]).toEqual(Array(2).fill(expect.stringContaining('UNDO_CONFLICT')));
  });

  test('are in the responses to the owner, an admin and, as far as it is theirs, the user concerned', async () => {
    const places = ['GET /activity/diff', 'GET /activity/tasks/:task_id', 'GET /activity/tasks/:task_id/replay', 'GET /events', '412'];
    for (const reader of [ann, admin, canary]) expect(leaksIn(await everythingSaidTo(reader))).toEqual(expect.arrayContaining(places));
  });

  test('keep the places of their events, with null for the user and the permission', async () => {
    const [all, seen] = await Promise.all([ann, viewer].map((one) => one.get(`/activity/tasks/${taskId}?per_page=100`)));
    const revisions = (reply: typeof all) => reply!.body.items.map(({ revision }: { revision: number }) => revision);
    expect(revisions(seen)).toEqual(revisions(all));
    const hidden = { user_id: null, username: null, permission: null, changed_fields: [], old_values: {}, new_values: {} };
    const ofOthers = seen!.body.items.filter(({ details }: { details: { user_id?: null } }) => details.user_id === null);
    expect(ofOthers.map(({ action, summary, details }: Record<string, unknown>) => [action, summary, details])).toEqual([
      ['shared', 'Shared the task with another user', hidden],
      ['shared', 'Shared the task with another user', hidden],
      ['share_changed', 'Changed the share of another user', hidden],
      ['unshared', 'Took back the share of another user', hidden],
      ['shared', 'Shared the task with another user', hidden],
    ]);
    expect((await viewer.get(`/tasks/${taskId}`)).body.share_count).toBe(3);
  });

  test('are named as redacted in the feed, in streams and in deliveries', async () => {
    const stream = await openStream(`${service.url}/api/v1/events/stream`, viewer.token);
    await stream.until(({ event }) => event === 'caught_up');
    stream.close();
    const delivered = await receiver.until(1, ({ path, event }) => path === '/the-viewer' && event?.type.includes('task.restored'));
    const sent = [...stream.all.map(({ data }) => data), ...receiver.received.map(({ event }) => event)];
    expect(JSON.stringify(sent)).not.toContain(canary.id);
    const page = (await viewer.get('/events?limit=500&types=task.*')).body.events;
    const redacted = (type: string, data: object) =>
      page
        .filter((event: { type: string }) => event.type.includes(type))
        .map((event: { redacted?: string; data: object }) => event.redacted ?? data);
    expect(redacted('task.shared', {})).toContain('/permission,/user_id');
    expect(redacted('task.deleted', {})).toEqual(['/last/sharee_ids']);
    expect(delivered[0]!.event.redacted).toBe('/restored/sharee_ids');
    const transferred = (await editor.get('/events?limit=500&types=task.transferred')).body.events;
    expect(transferred.map(({ data }: { data: { kept: unknown } }) => data.kept)).toEqual(['edit']);
  });

  test('follow the rights of the moment, in old pages too', async () => {
    const { id } = (await ann.post('/tasks', { title: 'To change hands' })).body;
    await ann.post(`/tasks/${id}/share`, { user_id: canary.id });
    const texts = async () => {
      const reads = [`/activity/tasks/${id}`, `/activity/tasks/${id}/replay`, `/tasks/${id}/diff?from=0&to=1`, `/activity?task_id=${id}`];
      return (await Promise.all(reads.map((path) => ann.get(path)))).map(({ text }) => text.includes(canary.id));
    };
    expect(await texts()).toEqual([true, true, true, true]);
    await ann.post(`/tasks/${id}/transfer`, { new_owner_id: editor.id, keep: 'view' });
    expect(await texts()).toEqual([false, false, false, false]);
    await editor.post(`/tasks/${id}/transfer`, { new_owner_id: ann.id });
    expect(await texts()).toEqual([true, true, true, true]);
  });
});

test('each place that hides shares shows them without its defence', async () => {
  const weakened = await startWeakened(service);
  try {
    const expected = {
      'timelines hide shares': ['GET /activity/tasks/:task_id', 'GET /activity', 'GET /activity as CSV', 'GET /auth/me/export'],
      'replays hide shares': ['GET /activity/tasks/:task_id/replay'],
      'differences between revisions hide shares': ['GET /tasks/:task_id/diff'],
      'differences between moments hide shares': ['GET /activity/diff'],
      'conflicts hide shares': ['412', 'undo', 'undo of a run'],
      'events hide shares': ['GET /events'],
      'shares are seen by the owner': ['GET /tasks/:task_id', 'GET /tasks/:task_id/shares'],
    };
    for (const [defence, places] of Object.entries(expected)) {
      await weakened.without(defence);
      const reader = { ...createClient(weakened.url, editor.token), id: editor.id, username: editor.username };
      expect([defence, leaksIn(await everythingSaidTo(reader)).sort()]).toEqual([defence, places.sort()]);
    }
  } finally {
    await weakened.stop();
  }
}, 60_000);
