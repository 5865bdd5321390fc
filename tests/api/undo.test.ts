import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { created, edited, type Happening } from '../support/happenings.ts';
import { type Client, type Reply, startTestService, type TestService } from '../support/service.ts';
import { openBesideLog } from '../support/written-tasks.ts';

let service: TestService;
let ann: Client;
let bob: Client;
let cid: Client;
let admin: Client;

beforeAll(async () => {
  service = await startTestService();
  [ann, bob, cid, admin] = await Promise.all([service.someone('ann'), service.someone('bob'), service.someone('cid'), service.admin()]);
}, 60_000);
afterAll(() => service?.stop());

const aTask = async (body: object = {}): Promise<string> => (await ann.post('/tasks', { title: 'Water the plants', ...body })).body.id;
/** That bob may edit. */
const aSharedTask = async (body: object = {}): Promise<string> => {
  const id = await aTask(body);
  await ann.post(`/tasks/${id}/share`, { username: 'bob', permission: 'edit' });
  return id;
};
const code = (reply: Reply) => [reply.status, reply.body?.error?.code];
const operation = (reply: Reply) => reply.headers.get('tasktrail-operation')!;
const undo = (client: Client, id: string, body: object = {}, headers?: Record<string, string>) =>
  client.post(`/tasks/${id}/undo`, body, headers);
const undoRun = (client: Client, body: object, headers?: Record<string, string>) => client.post('/activity/undo', body, headers);
const task = async (id: string) => (await ann.get(`/tasks/${id}`)).body;

describe('undo of a change', () => {
  test('answers the task as it is again, with its headers', async () => {
    const id = await aTask({ status: 'done', priority: 'low', tags: ['home'] });
    const { completed_at } = await task(id);
    await ann.patch(`/tasks/${id}`, { status: 'todo', priority: 'high', tags: [], due_date: '2030-01-31' });
    const reply = await undo(ann, id);
    expect(reply.status).toBe(200);
    expect(reply.body).toMatchObject({ status: 'done', completed_at, priority: 'low', tags: ['home'], due_date: null, revision: 6 });
    expect(['etag', 'tasktrail-revision'].map((name) => reply.headers.get(name))).toEqual(['"6"', '6']);
    expect(reply.headers.get('tasktrail-position')).toMatch(/^\d+$/);
    expect(code(await undo(ann, id))).toEqual([409, 'NOTHING_TO_UNDO']);
    expect((await undo(ann, id, { revision: 5 })).body).toMatchObject({ status: 'todo', completed_at: null, tags: [] });
  });

  test('needs no body, and obeys Prefer, If-Match and a key', async () => {
    const id = await aTask();
    await ann.patch(`/tasks/${id}`, { title: 'Two' });
    await ann.patch(`/tasks/${id}`, { title: 'Three' });
    const stale = await undo(ann, id, {}, { 'if-match': '"1"' });
    expect([...code(stale), stale.body.error.details[0].revision]).toEqual([412, 'REVISION_MISMATCH', 2]);
    const key = { 'idempotency-key': 'once' };
    expect((await undo(ann, id, {}, key)).body.title).toBe('Two');
    const again = await undo(ann, id, {}, key);
    expect([again.body.title, again.headers.get('idempotent-replayed')]).toEqual(['Two', 'true']);
    const bare = await ann.send('POST', `/api/v1/tasks/${id}/undo`, { headers: { prefer: 'return=minimal' } });
    expect([bare.status, bare.headers.get('tasktrail-revision')]).toEqual([204, '4']);
    expect((await task(id)).title).toBe('Water the plants');
  });

  test('is refused where the same was changed since, and names by what and whom', async () => {
    const id = await aSharedTask();
    await bob.patch(`/tasks/${id}`, { title: 'By Bob', priority: 'low' });
    await ann.patch(`/tasks/${id}`, { title: 'By Ann' });
    const reply = await undo(bob, id);
    expect(code(reply)).toEqual([409, 'UNDO_CONFLICT']);
    expect(reply.body.error.details).toEqual([
      {
        revision: 3,
        type: 'tasktrail.task.edited.v1',
        actor: { id: ann.id, username: 'ann' },
        occurred_at: expect.stringMatching(/Z$/),
        changes: [{ field: 'title', from: 'By Bob', to: 'By Ann' }],
      },
    ]);
  });

  test('is for who may: one’s own change with EDIT, another’s as the owner or an admin', async () => {
    const id = await aSharedTask();
    await ann.post(`/tasks/${id}/share`, { username: 'cid' });
    await ann.patch(`/tasks/${id}`, { priority: 'urgent' });
    await bob.patch(`/tasks/${id}`, { title: 'By Bob' });
    expect(code(await undo(cid, id))).toEqual([403, 'FORBIDDEN']);
    const another = await undo(bob, id, { revision: 3 });
    expect([...code(another), another.body.error.details]).toEqual([403, 'FORBIDDEN', [{ needed: 'owner', have: 'edit' }]]);
    expect(code(await undo(bob, id, { revision: 9 }))).toEqual([404, 'REVISION_NOT_FOUND']);
    expect(code(await undo(bob, id, { revision: -1 }))).toEqual([422, 'VALIDATION_FAILED']);
    expect((await undo(admin, id, { revision: 4 })).body.title).toBe('Water the plants');
    expect((await undo(ann, id)).body.priority).toBe('medium');
    await ann.delete(`/tasks/${id}`);
    expect(code(await undo(ann, id))).toEqual([404, 'TASK_NOT_FOUND']);
  });

  test('gives a share back, but to nobody whose account is disabled', async () => {
    const id = await aSharedTask();
    const dan = await service.someone('dan');
    await ann.post(`/tasks/${id}/share`, { username: 'dan' });
    for (const name of ['dan', 'bob']) await ann.delete(`/tasks/${id}/share/${name}`);
    expect((await undo(ann, id)).body.share_count).toBe(1);
    expect((await bob.get(`/tasks/${id}`)).body.permission).toBe('edit');
    await admin.patch(`/admin/users/${dan.id}`, { is_active: false });
    expect(code(await undo(ann, id))).toEqual([404, 'USER_NOT_FOUND']);
  });

  test('is in the timeline as what it is', async () => {
    const id = await aTask();
    await ann.post(`/tasks/${id}/transition`, { target_status: 'done' });
    await undo(ann, id);
    const { items } = (await ann.get(`/activity/tasks/${id}`)).body;
    expect(items.at(-1)).toMatchObject({
      action: 'transitioned',
      summary: 'Moved from done to todo (undo of revision 1)',
      details: { undo_of: [1], old_values: { status: 'done' }, new_values: { status: 'todo' } },
    });
  });
});

describe('undo of a run', () => {
  const aRun = async () => {
    const ids = [await aSharedTask(), await aSharedTask({ status: 'blocked' }), await aSharedTask()];
    const moved = await ann.post('/tasks/bulk-status', { task_ids: ids, target_status: 'in_progress' });
    expect(moved.body.successful).toBe(3);
    return { ids, moved };
  };

  test('takes a bulk call back task by task, and leaves and reports what others have changed since', async () => {
    const { ids, moved } = await aRun();
    await bob.post(`/tasks/${ids[0]}/transition`, { target_status: 'done' });
    await bob.patch(`/tasks/${ids[1]}`, { title: 'By Bob' });
    const run = { operation_id: operation(moved) };
    const shown = await undoRun(ann, { ...run, dry_run: true });
    expect((await task(ids[2]!)).status).toBe('in_progress');
    const done = await undoRun(ann, run);
    expect(done.status).toBe(200);
    expect(shown.body).toEqual(done.body);
    const back = (task_id: string | undefined, to: string) => ({
      task_id,
      success: true,
      changes: [{ field: 'status', from: 'in_progress', to }],
    });
    expect(done.body).toEqual({
      total: 3,
      undone: 2,
      skipped: 1,
      results: expect.arrayContaining([
        {
          task_id: ids[0],
          success: false,
          changes: [],
          code: 'UNDO_CONFLICT',
          conflict: [expect.objectContaining({ revision: 3, actor: { id: bob.id, username: 'bob' } })],
        },
        back(ids[1], 'blocked'),
        back(ids[2], 'todo'),
      ]),
    });
    expect(await task(ids[1]!)).toMatchObject({ status: 'blocked', title: 'By Bob' });
    expect(done.headers.get('tasktrail-position')).toMatch(/^\d+$/);
    const { items } = (await ann.get(`/activity?operation_id=${operation(done)}`)).body;
    expect(items.map(({ task_id }: { task_id: string }) => task_id).sort()).toEqual(ids.slice(1).sort());

    const redone = await undoRun(ann, { operation_id: operation(done) });
    expect(redone.body).toMatchObject({ total: 2, undone: 2 });
    expect((await task(ids[1]!)).status).toBe('in_progress');
    const nothing = (await undoRun(ann, { operation_id: operation(done) })).body;
    expect([nothing.undone, nothing.results[0].code]).toEqual([0, 'NOTHING_TO_UNDO']);
  });

  test('brings back what was deleted, and deletes it again when undone', async () => {
    const { ids } = await aRun();
    const gone = await ann.post('/tasks/bulk-delete', { task_ids: ids });
    const back = await undoRun(ann, { operation_id: operation(gone) });
    expect(back.body).toMatchObject({ undone: 3, results: [{ changes: [{ field: 'deleted', from: true, to: false }] }, {}, {}] });
    expect((await bob.get(`/tasks/${ids[0]}`)).body).toMatchObject({ status: 'in_progress', permission: 'edit' });
    expect((await undoRun(ann, { operation_id: operation(back) })).body.undone).toBe(3);
    expect(code(await ann.get(`/tasks/${ids[0]}`))).toEqual([404, 'TASK_NOT_FOUND']);
  });

  test('of a token or a person is of a time, and leaves what was created and said', async () => {
    const { token, id: token_id } = (await ann.post('/auth/tokens', { name: 'robot', scopes: ['tasks:write'] })).body;
    const robot = service.as({ ...ann, token });
    const [old, tidied] = [await aTask(), await aTask()];
    await robot.patch(`/tasks/${old}`, { title: 'Before' });
    await pause(2);
    const from = new Date().toISOString();
    const made = (await robot.post('/tasks', { title: 'Made' })).body.id;
    await robot.patch(`/tasks/${tidied}`, { title: 'Tidied', assignee_id: bob.id });
    await robot.patch(`/tasks/${tidied}`, { title: 'Tidied twice' });
    await robot.post(`/tasks/${tidied}/comments`, { content: 'Tidied' });
    const to = new Date().toISOString();
    await pause(2);
    await ann.patch(`/tasks/${old}`, { description: 'Later' });
    const { body } = await undoRun(ann, { token_id, from, to });
    expect(body).toMatchObject({ total: 2, undone: 1, skipped: 1 });
    expect(body.results).toEqual([
      { task_id: made, success: false, changes: [], code: 'NOTHING_TO_UNDO', left: [{ revision: 0, type: 'tasktrail.task.created.v1' }] },
      {
        task_id: tidied,
        success: true,
        changes: [
          { field: 'title', from: 'Tidied twice', to: 'Water the plants' },
          { field: 'assignee_id', from: bob.id, to: null },
        ],
        left: [{ revision: 4, type: 'tasktrail.comment.added.v1' }],
      },
    ]);
    expect((await task(old)).title).toBe('Before');
    expect((await undoRun(ann, { actor_id: ann.id, from: to, to: '2100-01-01', dry_run: true })).body.total).toBeGreaterThan(1);
  });

  test('is of one’s own doing; of anybody’s for an admin', async () => {
    const { ids, moved } = await aRun();
    const run = { operation_id: operation(moved) };
    expect((await undoRun(bob, run)).body).toEqual({ total: 0, undone: 0, skipped: 0, results: [] });
    expect(code(await undoRun(bob, { actor_id: ann.id, from: '2020-01-01', to: '2100-01-01' }))).toEqual([403, 'ADMIN_ONLY']);
    expect((await undoRun(admin, run)).body.undone).toBe(3);
    const edit = await bob.patch('/tasks/bulk', { task_ids: ids, updates: { title: 'By Bob' } });
    await ann.delete(`/tasks/${ids[0]}/share/bob`);
    await ann.put(`/tasks/${ids[1]}/share/bob`, { permission: 'view' });
    const { results } = (await undoRun(bob, { operation_id: operation(edit) })).body;
    expect(results.map((result: { code?: string }) => result.code).sort()).toEqual(['FORBIDDEN', 'TASK_NOT_FOUND', undefined]);
  });

  test('is named in one way, with its times where it must', async () => {
    const faults = async (body: object) =>
      (await undoRun(ann, body)).body.error.details.map(({ path, code }: { path: string; code: string }) => [path, code]);
    const id = randomUUID();
    expect(await faults({})).toEqual([['operation_id', 'required']]);
    expect(await faults({ operation_id: id, request_id: 'x' })).toEqual([['operation_id', 'conflicts_with']]);
    expect(await faults({ token_id: id })).toEqual([
      ['from', 'required'],
      ['to', 'required'],
    ]);
    expect(await faults({ actor_id: id, from: '2026-02-01', to: '2026-01-01' })).toEqual([['to', 'too_small']]);
    expect(await faults({ request_id: 'no/id' })).toEqual([['request_id', 'format']]);
  });

  test('with a key is done once, and what was cut off is completed', async () => {
    const { ids, moved } = await aRun();
    const key = { 'idempotency-key': 'back' };
    const run = { operation_id: operation(moved) };
    const first = await undoRun(ann, run, key);
    await ann.post(`/tasks/${ids[0]}/transition`, { target_status: 'done' });
    const again = await undoRun(ann, run, key);
    expect(again.body).toEqual(first.body);
    expect([first, again].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true']);
    const other = await undoRun(ann, { request_id: moved.headers.get('x-request-id') }, key);
    expect(other.body.results[0].code).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  test('of more than 500 tasks is a job, whose preview is told at once', async () => {
    const log = await openBesideLog(service);
    const by = ann.id;
    const happenings: Happening[] = [
      { ...created({ owner_id: by }), by },
      { ...edited({ title: { from: 'Water the plants', to: 'Dry' } }), by },
    ];
    const histories = Array.from({ length: 501 }, () => ({ taskId: randomUUID(), happenings }));
    const position = await log.write(histories);
    try {
      const fresh = { 'tasktrail-position': String(position) };
      // Each waits two seconds for what was written beside the service.
      const preview = () => undoRun(ann, { request_id: 'beside', dry_run: true }, fresh);
      let shown = await preview();
      for (let left = 5; left > 0 && shown.headers.has('tasktrail-stale'); left--) shown = await preview();
      expect([shown.status, shown.body.total, shown.body.undone, shown.body.results.length]).toEqual([200, 501, 501, 501]);
      await ann.patch(`/tasks/${histories[0]!.taskId}`, { title: 'Wet' });
      const key = { 'idempotency-key': 'many' };
      const eve = await service.someone('eve');
      await admin.patch(`/admin/users/${eve.id}`, { role: 'admin' });
      const both = await Promise.all([0, 1].map(() => undoRun(ann, { request_id: 'beside' }, key)));
      const accepted = both[0]!;
      expect(both[1]!.headers.get('location')).toBe(accepted.headers.get('location'));
      const location = accepted.headers.get('location')!;
      const behind = (await undoRun(eve, { request_id: 'beside' })).headers.get('location')!;
      await admin.patch(`/admin/users/${eve.id}`, { role: 'user' });
      const { id: tokenId, token } = (await admin.post('/auth/tokens', { name: 'undoing', scopes: ['tasks:write', 'admin'] })).body;
      const byToken = await undoRun(service.as({ ...admin, token }), { request_id: 'beside' });
      expect((await admin.delete(`/auth/tokens/${tokenId}`)).status).toBe(204);
      expect([accepted.status, accepted.body.name, location]).toEqual([202, 'undo', `/async/tasks/${accepted.body.id}`]);
      const again = await undoRun(ann, { request_id: 'beside' }, key);
      expect([again.status, again.headers.get('location'), again.headers.get('idempotent-replayed')]).toEqual([202, location, 'true']);
      expect(code(await undoRun(ann, { request_id: 'other' }, key))).toEqual([422, 'IDEMPOTENCY_KEY_REUSED']);
      const job = await ended(location);
      const { result, ...told } = job;
      expect(told).toEqual({ ...told, status: 'succeeded', progress: 1, error: null });
      expect(JSON.stringify(told)).not.toContain(ann.id);
      // The body of its 200, in the order in which the run touched the tasks; the first was changed since.
      const whole = { total: 501, undone: 500, skipped: 1 };
      expect(result).toEqual({ ...whole, results: result.results });
      const [skipped, ...others] = shown.body.results;
      const inTheWay = {
        revision: 2,
        type: 'tasktrail.task.edited.v1',
        actor: { id: ann.id, username: 'ann' },
        occurred_at: expect.any(String),
        changes: [{ field: 'title', from: 'Dry', to: 'Wet' }],
      };
      const first = { task_id: skipped.task_id, success: false, changes: [], code: 'UNDO_CONFLICT', conflict: [inTheWay] };
      expect(result.results).toEqual([{ ...first, left: skipped.left }, ...others]);
      const seenBy = async (reader: Client) => {
        const { status, body } = await reader.send('GET', location);
        return [status, body.result?.undone ?? body.error?.code ?? null];
      };
      const scoped = async (scope: string) =>
        service.as({ ...ann, token: (await ann.post('/auth/tokens', { name: scope, scopes: [scope] })).body.token });
      expect(await seenBy(admin)).toEqual([200, 500]);
      expect(await seenBy(await scoped('tasks:read'))).toEqual([200, 500]);
      expect(await seenBy(await scoped('events:read'))).toEqual([200, null]);
      for (const other of [service.anonymous, bob, eve]) expect(await seenBy(other)).toEqual([404, 'JOB_NOT_FOUND']);
      // What is kept for it are ids: with its task, the text is gone from it.
      const database = new pg.Client({ connectionString: service.connectionString });
      await database.connect();
      const kept = await database.query('select content::text as content from jobs.results').finally(() => database.end());
      expect(kept.rows.map(({ content }) => content).join()).not.toMatch(/Water|Dry|Wet/);
      expect(await ended(behind, eve)).toMatchObject({ status: 'failed', error: 'Whoever asked for it is no admin any more' });
      const revoked = { status: 'failed', error: 'The session or token that started this was revoked' };
      expect(await ended(byToken.headers.get('location')!, admin)).toMatchObject(revoked);
      const written = await Promise.all(both.map((one) => ann.get(`/activity?operation_id=${operation(one)}&per_page=1`)));
      expect(written.map(({ body }) => body.total).sort()).toEqual([0, 500]);
      const left = (await undoRun(ann, { request_id: 'beside', dry_run: true })).body;
      expect([left.total, left.undone, left.results[0].code]).toEqual([501, 0, 'UNDO_CONFLICT']);
    } finally {
      await log.close();
    }
  }, 60_000);
});

async function ended(location: string, by = ann) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await pause(50)) {
    const { body } = await by.send('GET', location);
    if (body.finished_at !== null) return body;
  }
  throw new Error('the job did not end');
}
