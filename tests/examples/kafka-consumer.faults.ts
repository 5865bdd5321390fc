import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { logLevel } from 'kafkajs';
import pg from 'pg';
import { startConsumer } from '../../examples/kafka-consumer/consume.ts';
import { kafkaIsThere, quietKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

const ifThere = kafkaIsThere ? describe : describe.skip;
if (!kafkaIsThere) console.log('Kafka: skipped, as kcat is not on the PATH');

const TASKS = 40;
const EVENTS = 100;

ifThere('the example of a consumer', () => {
  let kafka: TestKafka;
  let database: TestDatabase;
  let pool: pg.Pool;

  beforeAll(async () => {
    [kafka, database] = await Promise.all([startKafka(), createTestDatabase()]);
    pool = new pg.Pool({ connectionString: database.connectionString, max: 20 });
    await pool.query(await readFile('examples/kafka-consumer/schema.sql', 'utf8'));
    // What happened to the board, in the order in which it did.
    await pool.query(`
      create table happened (n bigserial, task_id uuid, revision integer);
      create function note() returns trigger language plpgsql as $$
        begin insert into happened (task_id, revision) values (new.task_id, new.revision); return new; end $$;
      create trigger note after insert or update on board for each row execute function note();`);
  });
  afterAll(async () => {
    await pool?.end();
    await database?.drop();
    await kafka?.stop();
  });

  test('has one effect an event, in the order of each task, while consumers come and go and messages come twice', async () => {
    const topic = 'rebalanced';
    const tasks = Array.from({ length: TASKS }, () => randomUUID());
    const producer = quietKafka(kafka.broker).producer({ maxInFlightRequests: 1 });
    await producer.connect();
    const messageOf = (task: string, revision: number, id: string) => ({
      key: `task-${task}`,
      value: JSON.stringify({ task: { id: task, title: `${revision}`, status: 'todo' } }),
      headers: { ce_id: id, ce_type: 'tasktrail.task.edited.v1', ce_revision: String(revision) },
    });
    const producing = (async () => {
      let before: ReturnType<typeof messageOf>[] = [];
      for (let revision = 0; revision < EVENTS; revision++) {
        const messages = tasks.map((task) => messageOf(task, revision, randomUUID()));
        // As a publisher does that died before its checkpoint: what was sent last is sent again.
        await producer.send({ topic, acks: -1, messages: revision % 10 === 9 ? [...before, ...messages] : messages });
        before = messages;
        await pause(100);
      }
    })();
    const settings = { brokers: [kafka.broker], topic, groupId: 'board', level: logLevel.NOTHING };
    const running = [await startConsumer(settings, pool)];
    let changes = 0;
    const handled = async () => Number((await pool.query('select coalesce(sum(changes), 0) as n from board')).rows[0].n);
    for (const deadline = Date.now() + 120_000; (await handled()) < TASKS * EVENTS; changes++) {
      if (Date.now() > deadline) throw new Error(`after ${changes} changes of the group, ${await handled()} were handled`);
      await pause(2_000);
      if (running.length < 3 && changes % 3 !== 2) running.push(await startConsumer(settings, pool));
      else if (running.length > 1) await running.shift()!.stop();
    }
    await producing;
    await Promise.all(running.map((consumer) => consumer.stop()));
    await producer.disconnect();

    const { rows: board } = await pool.query('select task_id, title, revision, changes from board');
    expect(board).toHaveLength(TASKS);
    for (const row of board) expect(row).toMatchObject({ title: `${EVENTS - 1}`, revision: EVENTS - 1, changes: EVENTS });
    const { rows: happened } = await pool.query(
      'select task_id, array_agg(revision order by n) as revisions from happened group by task_id',
    );
    for (const { revisions } of happened) expect(revisions).toEqual(Array.from({ length: EVENTS }, (_, revision) => revision));
    expect((await pool.query('select count(*)::int as n from inbox')).rows).toEqual([{ n: TASKS * EVENTS }]);
    expect(changes).toBeGreaterThan(3);
    console.log(`${TASKS * EVENTS} messages and ${Math.floor(EVENTS / 10) * TASKS} repeats over ${changes} changes of the group`);
  });
});
