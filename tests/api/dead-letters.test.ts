import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
let admin: Client;
let database: pg.Client;

beforeAll(async () => {
  service = await startTestService();
  admin = await service.admin();
  database = new pg.Client({ connectionString: service.connectionString });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await service?.stop();
});

/** Has the webhooks' subscriber have put these events of a task aside. @returns the id of the first, which failed */
async function putAside(task: string, ...revisions: number[]): Promise<string> {
  const told = async () => {
    const { rows } = await database.query(`select last_event from subscribers.checkpoints where name = 'webhooks'`);
    return rows[0].last_event?.stream === `task-${task}` && rows[0].last_event.revision === 2;
  };
  for (const deadline = Date.now() + 10_000; !(await told()); await pause(20)) if (Date.now() > deadline) throw new Error('too late');
  for (const revision of revisions) {
    const failed = revision === revisions[0];
    await database.query(
      `insert into subscribers.dead_letters (id, subscriber, stream, revision, event_id, type, state, error, failed_at, attempts)
       values (gen_random_uuid(), 'webhooks', $1, $2, gen_random_uuid(), 'tasktrail.task.edited.v1', $3, $4, $5, 4)`,
      [`task-${task}`, revision, failed ? 'failed' : 'waiting', failed ? 'it was too much' : null, failed ? new Date() : null],
    );
  }
  const { rows } = await database.query('select id from subscribers.dead_letters where failed_at is not null and stream = $1', [
    `task-${task}`,
  ]);
  return rows[0].id;
}

async function aTask(): Promise<string> {
  const { body } = await admin.post('/tasks', { title: 'A task' });
  for (const title of ['One', 'Two']) await admin.patch(`/tasks/${body.id}`, { title });
  return body.id;
}

describe('dead letters', () => {
  test('are listed with what waits behind them, and handled when they are tried again', async () => {
    const task = await aTask();
    const id = await putAside(task, 1, 2);
    const { body } = await admin.get('/admin/dead-letters');
    expect(body).toMatchObject({ total: 1, page: 1, per_page: 20, pages: 1, next_cursor: null });
    expect(body.items).toEqual([
      {
        id,
        subscriber: 'webhooks',
        state: 'failed',
        event: { id: expect.any(String), type: 'tasktrail.task.edited.v1', subject: `tasks/${task}`, revision: 1 },
        error: 'it was too much',
        attempts: 4,
        put_aside_at: expect.stringMatching(/Z$/),
        failed_at: expect.stringMatching(/Z$/),
        waiting: {
          count: 1,
          events: [{ id: expect.any(String), type: 'tasktrail.task.edited.v1', subject: `tasks/${task}`, revision: 2 }],
        },
      },
    ]);
    const retried = await admin.post(`/admin/dead-letters/${id}/retry`);
    expect([retried.status, retried.body]).toEqual([200, { outcome: 'handled', handled: 2, left: 0, dead_letter: null }]);
    expect((await admin.get('/admin/dead-letters')).body).toMatchObject({ items: [], total: 0 });
    expect((await admin.post(`/admin/dead-letters/${id}/retry`)).body.error.code).toBe('DEAD_LETTER_NOT_FOUND');
  });

  test('that fail again are answered with, and are skipped for a reason alone', async () => {
    const task = await aTask();
    // The log has no such event.
    const id = await putAside(task, 77);
    const retried = await admin.post(`/admin/dead-letters/${id}/retry`);
    expect(retried.body).toMatchObject({ outcome: 'failed', handled: 0, left: 1, dead_letter: { id, attempts: 5, state: 'failed' } });
    expect(retried.body.dead_letter.error).toContain('no event there');
    expect((await admin.post(`/admin/dead-letters/${id}/skip`, {})).status).toBe(422);
    const skipped = await admin.post(`/admin/dead-letters/${id}/skip`, { reason: 'It was restored away' });
    expect([skipped.status, skipped.body]).toEqual([200, { outcome: 'handled', handled: 0, left: 0, dead_letter: null }]);
    const { rows } = await database.query('select reason, skipped_by from subscribers.skipped');
    expect(rows).toEqual([{ reason: 'It was restored away', skipped_by: admin.id }]);
  });
});
