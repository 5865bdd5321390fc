import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { TaskCommand } from '../../src/commands/task/task-command.ts';
import { createTasks } from '../../src/commands/tasks.ts';
import { VOCABULARY } from '../../src/events/vocabulary.ts';
import { createVocabularyGate, requireKnownVocabulary } from '../../src/events/vocabulary-gate.ts';
import { type Occupancy, occupy } from '../../src/platform/postgres/occupancy.ts';
import { call, type Instance, openWriteSide } from '../support/command-parts.ts';
import { assigned, editor } from '../support/happenings.ts';

let side: Awaited<ReturnType<typeof openWriteSide>>;
let instance: Instance;
let own: Occupancy;

beforeAll(async () => {
  side = await openWriteSide();
  instance = await side.instance();
  own = await occupy(side.connectionString, { vocabulary: VOCABULARY, log() {} });
});
afterAll(async () => {
  await own.release();
  await side.close();
});

const older = () => occupy(side.connectionString, { vocabulary: 1, log() {} });
const recorded = async () => (await instance.pool.query('select number from event_log.vocabulary')).rows[0].number;
const task = { title: 'Tagged', description: '', priority: 'medium' as const, status: 'todo' as const, dueDate: null, assignee: null };
/** Appends an assignment that gives no access, which no version of the first vocabulary holds. */
const assign: TaskCommand<object> = { allow() {}, decide: () => [assigned(editor, null, false)] };

test('allows the first vocabulary alone while an older instance runs, and records its own number before it allows that', async () => {
  let now = 0;
  const gate = createVocabularyGate(instance.pool, () => now);
  const running = await older();
  expect(await gate.writable()).toBe(1);
  expect(await recorded()).toBe(1);
  await running.release();
  now += 1_000;
  expect(await gate.writable()).toBe(VOCABULARY);
  expect(await recorded()).toBe(VOCABULARY);
});

test('asks at most once a second, however many commands do', async () => {
  let [now, statements] = [0, 0];
  const query = (...of: [string, unknown[]?]) => {
    statements++;
    return instance.pool.query(...of);
  };
  const gate = createVocabularyGate({ query } as never, () => now);
  await Promise.all(Array.from({ length: 100 }, () => gate.writable()));
  const first = statements;
  now += 999;
  await gate.writable();
  expect(statements).toBe(first);
  now += 1;
  await gate.writable();
  expect(statements).toBe(first + 1);
});

test('asks again after a failure, which is a 503 of the database', async () => {
  let isAway = true;
  const query = async (...of: [string, unknown[]?]) => {
    if (isAway) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' });
    return instance.pool.query(...of);
  };
  const gate = createVocabularyGate({ query } as never);
  await expect(gate.writable()).rejects.toThrow('the database cannot be reached');
  isAway = false;
  expect(await gate.writable()).toBe(VOCABULARY);
});

test('commands write tags in clear beside an older instance, sealed without one, and refuse what only a newer release reads', async () => {
  let now = 0;
  const tasks = createTasks({ ...instance.parts, vocabulary: createVocabularyGate(instance.pool, () => now) });
  const running = await older();
  const beside = await tasks.create({ ...task, tags: ['visible'] }, call());
  expect(beside.events[0]!.metadata.schema_version).toBe(1);
  const refused = await tasks.execute(beside.task.id, assign, {}, call()).catch((error) => error);
  expect(refused).toMatchObject({ code: 'DEPENDENCY_UNAVAILABLE', details: [{ part: 'older_instance' }] });
  await running.release();
  now += 1_000;
  expect((await tasks.execute(beside.task.id, assign, {}, call())).revision).toBe(1);
  const alone = await tasks.create({ ...task, tags: ['hidden'] }, call());
  expect(alone.events[0]!.metadata.schema_version).toBe(2);
  const stored = async (id: string) => (await instance.store.readStream(`task-${id}`)).map(({ data }) => data.toString()).join();
  expect(await stored(beside.task.id)).toContain('visible');
  expect(await stored(alone.task.id)).not.toContain('hidden');
});

test('a log that may hold events of a newer vocabulary is refused, and the message names both numbers', async () => {
  await requireKnownVocabulary(instance.pool);
  await instance.pool.query('update event_log.vocabulary set number = $1', [VOCABULARY + 1]);
  const refused = requireKnownVocabulary(instance.pool);
  await expect(refused).rejects.toThrow(
    `the log may hold events of vocabulary ${VOCABULARY + 1}, and this release reads vocabularies up to ${VOCABULARY}`,
  );
});
