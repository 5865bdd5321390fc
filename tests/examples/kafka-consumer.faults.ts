import { spawn } from 'node:child_process';
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

  test('starts by the words of its README, skips what is no event, and is right after two kills', async () => {
    const board = await createTestDatabase();
    const [task, gone] = [randomUUID(), randomUUID()];
    const producer = quietKafka(kafka.broker).producer({ maxInFlightRequests: 1 });
    await producer.connect();
    const headers = (type: string, revision: number) => ({
      ...{ ce_id: randomUUID(), ce_type: `tasktrail.task.${type}.v1`, ce_revision: String(revision) },
    });
    const message = (id: string, type: string, revision: number, title: string | null) => ({
      ...{ key: `task-${id}`, value: JSON.stringify({ task: { id, title, status: 'todo' } }), headers: headers(type, revision) },
    });
    const send = (...messages: { key: string; value: string | null; headers?: Record<string, string> }[]) =>
      producer.send({ topic: 'readme', acks: -1, messages });
    const [command] = /^KAFKA_BROKERS.* (npx node \S+)$/m.exec(await readFile('examples/kafka-consumer/README.md', 'utf8'))!.slice(1);
    const start = () => {
      const env = { ...process.env, KAFKA_BROKERS: kafka.broker, KAFKA_TOPIC: 'readme', DATABASE_URL: board.connectionString };
      return spawn('sh', ['-c', `exec ${command}`], { env, detached: true, stdio: 'ignore' });
    };
    const own = new pg.Pool({ connectionString: board.connectionString, max: 1 });
    const until = async (revision: number) => {
      for (const deadline = Date.now() + 60_000; ; await pause(200)) {
        const { rows } = await own.query('select revision from board where task_id = $1', [task]).catch(() => ({ rows: [] }));
        if (rows[0]?.revision >= revision) return;
        if (Date.now() > deadline) throw new Error(`the board did not come to revision ${revision}`);
      }
    };
    let consumer = start();
    try {
      await send(message(task, 'created', 0, 'First'), { key: `task-${task}`, value: null }, { key: 'x', value: 'garbage' });
      await until(0);
      for (const revision of [1, 2]) {
        process.kill(-consumer.pid!, 'SIGKILL');
        await send(message(task, 'edited', revision, `Edited ${revision}`));
        consumer = start();
        await until(revision);
      }
      await send(message(gone, 'created', 0, 'Gone'), message(gone, 'deleted', 1, null), message(task, 'deleted', 3, 'Edited 2'));
      await send(message(task, 'restored', 4, 'Edited 2'));
      await until(4);
      const { rows } = await own.query('select task_id, title, deleted, changes from board');
      expect(rows).toContainEqual({ task_id: task, title: 'Edited 2', deleted: false, changes: 5 });
      expect(rows).toContainEqual({ task_id: gone, title: null, deleted: true, changes: 2 });
    } finally {
      process.kill(-consumer.pid!, 'SIGKILL');
      await producer.disconnect();
      await own.end();
      await board.drop();
    }
  });
});
