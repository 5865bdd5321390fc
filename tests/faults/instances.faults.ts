import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { audit } from '../support/audit.ts';
import { type CommandLoad, startCommandLoad } from '../support/command-load.ts';
import { canStartEventStored } from '../support/eventstored.ts';
import { anInstallation, clientOf, type Installation } from '../support/installation.ts';
import { type Client, createClient, type Reply } from '../support/service.ts';
import type { ServiceProcess } from '../support/service-process.ts';

// Three processes of the service on the same stores, as one.

const SECONDS = Number(process.env.FAULT_SECONDS ?? 30);
const KILL_EVERY = 10_000;
const INSTANCES = 3;
const CALLERS = 12;
/** How long a caller waits before it asks another instance. */
const PATIENCE = 5_000;

const stores = ['PostgreSQL', ...(canStartEventStored ? ['EventStoreDB'] : [])] as const;

describe.each(stores)('three instances on %s', (log) => {
  let installation: Installation;
  let token: string;
  /** The first projects: it was there before the others. */
  let instances: ServiceProcess[];
  /** Those that callers are sent to. */
  let healthy: ServiceProcess[];
  let next = 0;
  const anyone = (): Client => clientOf(healthy[next++ % healthy.length]!, token);

  beforeEach(async () => {
    installation = await anInstallation(log as 'PostgreSQL');
    const first = await installation.start();
    token = await installation.login(first);
    await until(async () => (await statesAt(first)).every((state) => state === 'live'));
    instances = [first, ...(await Promise.all(Array.from({ length: INSTANCES - 1 }, installation.start)))];
    healthy = [...instances];
  });
  afterEach(() => installation.stop());

  const startLoad = () => startCommandLoad({ client: anyone, callers: CALLERS, patience: PATIENCE });

  /** Lets the load come to its end, and holds everything against everything. @param others commands beside the load's */
  async function expectAcknowledgedStoredListed(
    what: string,
    load: CommandLoad,
    counts: Record<string, unknown>,
    others = 0,
  ): Promise<void> {
    await load.stop();
    const { faults, ...audited } = await audit(installation, load, others);
    const listed = ndjson(await anyone().get('/tasks?format=ndjson'));
    const revisions = new Map(listed.map(({ id, revision }) => [id, revision]));
    const { refusals, unanswered, replayed } = load;
    const longestWait = Math.round(load.longestWait);
    console.log(
      `${log}, ${what}`,
      JSON.stringify({ ...counts, ...audited, listed: listed.length, refusals, unanswered, replayed, longestWait }),
    );
    expect(faults).toEqual([]);
    expect(revisions.size).toBe(listed.length);
    expect([...load.tasks].filter(([id, revision]) => revisions.get(id) !== revision)).toEqual([]);
  }

  test('are one: sessions hold on all, what was written on one is read on the next, and a race is clean', async () => {
    const clients = instances.map((instance) => clientOf(instance, token));
    for (const client of clients) expect((await client.get('/auth/me')).body.username).toBe('admin');
    for (let n = 0; n < 60; n++) {
      const [here, there] = [clients[n % 3]!, clients[(n + 1) % 3]!];
      const created = await here.post('/tasks', { title: `Task ${n}`, tags: ['carried'] });
      const headers = { 'tasktrail-position': created.headers.get('tasktrail-position')! };
      const seen = await there.get('/tasks?tags=carried&limit=1', headers);
      expect([seen.headers.get('tasktrail-stale'), seen.body.total]).toEqual([null, n + 1]);
      expect((await there.get(`/tasks/${created.body.id}`)).body).toEqual(created.body);
    }
    const { id } = (await clients[0]!.post('/tasks', { title: 'Contended' })).body;
    const replies: Reply[] = [];
    const race = clients.flatMap((client, at) =>
      Array.from({ length: 4 }, async (_, name) => {
        for (let n = 0; n < 10; n++) replies.push(await client.patch(`/tasks/${id}`, { title: `${at} ${name} ${n}` }));
      }),
    );
    await Promise.all(race);
    const won = replies.filter(({ status }) => status === 200);
    expect(new Set(replies.filter(({ status }) => status !== 200).map(({ body }) => body.error.code))).toEqual(
      new Set(won.length < replies.length ? ['WRITE_CONTENTION'] : []),
    );
    expect(new Set(won.map(({ body }) => body.revision)).size).toBe(won.length);
    for (const client of clients) expect((await client.get(`/tasks/${id}`)).body.revision).toBe(won.length);
    const pinned = await Promise.all(
      clients.map((client) => client.patch(`/tasks/${id}`, { title: 'Pinned' }, { 'if-match': `"${won.length}"` })),
    );
    expect(pinned.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    console.log(`${log}, a race of 12 writers on three instances`, JSON.stringify({ sent: replies.length, won: won.length }));
  });

  test('the one that projects is killed: another has taken over within five seconds', async () => {
    const load = startLoad();
    await load.more(200);
    healthy = instances.slice(1);
    const killed = instances[0]!.end('SIGKILL');
    const takenOverIn = await untilFresh(healthy[0]!, 5_000);
    await killed;
    await load.more(200);
    await expectAcknowledgedStoredListed('the projecting one killed', load, { takenOverIn }, 1);
  });

  test('the one that projects is frozen: another has taken over within fifteen seconds, and nothing comes of it when it goes on', async () => {
    const load = startLoad();
    await load.more(200);
    healthy = instances.slice(1);
    instances[0]!.freeze();
    const frozen = performance.now();
    const takenOverIn = await untilFresh(healthy[0]!, 15_000);
    await load.more(200);
    instances[0]!.thaw();
    const frozenFor = Math.round(performance.now() - frozen);
    await until(async () => (await statesAt(instances[0]!)).every((state) => state === 'standby'));
    healthy = [...instances];
    await load.more(200);
    await expectAcknowledgedStoredListed('the projecting one frozen', load, { frozenFor, takenOverIn }, 1);
  });

  test('the one that projects is frozen in the midst of a write: that comes too late, and changes nothing', async () => {
    const load = startLoad();
    await load.more(200);
    healthy = instances.slice(1);
    const holder = await installation.pool.connect();
    // It waits for a lock with its rows, not yet at its checkpoint: the statement is under way, so the server does not end it.
    await holder.query('begin; lock table listing_v6_g1.tasks in share mode');
    await until(async () => (await waiting()) > 0);
    const before = await epoch();
    instances[0]!.freeze();
    const frozen = performance.now();
    await until(async () => (await epoch()) > before);
    const takenOverIn = Math.round(performance.now() - frozen);
    await holder.query('rollback');
    holder.release();
    instances[0]!.thaw();
    await until(() =>
      instances[0]!.log.some(({ message }) => String(message).includes('Another instance has taken over the projection listing')),
    );
    await load.more(200);
    expect(takenOverIn).toBeLessThan(15_000);
    await expectAcknowledgedStoredListed('frozen in the midst of a write', load, { takenOverIn, lateWrites: 'refused' });
  });

  test(
    `under load, one killed every ten seconds for ${SECONDS} s: acknowledged is stored is listed`,
    async () => {
      const load = startLoad();
      let killed = 0;
      const begun = performance.now();
      const end = begun + SECONDS * 1000;
      for (let due = begun + KILL_EVERY; due <= end; due = Math.max(due + KILL_EVERY, performance.now())) {
        await pause(Math.max(due - performance.now(), 0));
        const victim = killed++ % INSTANCES;
        await instances[victim]!.end('SIGKILL');
        instances[victim] = healthy[victim] = await installation.start();
      }
      const seconds = Math.round((performance.now() - begun) / 1000);
      await expectAcknowledgedStoredListed('one killed every ten seconds', load, { seconds, killed });
    },
    (SECONDS + 120) * 1000,
  );

  /** Writes a task, and milliseconds until lists have it. */
  async function untilFresh(instance: ServiceProcess, within: number): Promise<number> {
    const since = performance.now();
    const client = clientOf(instance, token);
    const position = (await client.post('/tasks', { title: 'Is it listed?' })).headers.get('tasktrail-position')!;
    for (;;) {
      const reply = await client.get('/tasks?limit=1', { 'tasktrail-position': position });
      const waited = performance.now() - since;
      if (reply.status === 200 && reply.headers.get('tasktrail-stale') === null) return Math.round(waited);
      if (waited > within) throw new Error(`lists are still stale after ${within} ms`);
    }
  }

  /** How many projectors wait for a lock that somebody else has. */
  async function waiting(): Promise<number> {
    const sql = `select count(*)::integer as n from pg_stat_activity where application_name = 'tasktrail projector listing_v6_g1' and wait_event_type = 'Lock'`;
    return (await installation.pool.query(sql)).rows[0].n;
  }

  async function epoch(): Promise<bigint> {
    const { rows } = await installation.pool.query(`select epoch from projections.generations where name = 'listing'`);
    return BigInt(rows[0].epoch);
  }
});

async function statesAt(instance: ServiceProcess): Promise<string[]> {
  const { body } = await createClient(instance.url).send('GET', '/health/detailed');
  return Object.values((body.checks.projector.projections ?? { none: { state: 'unknown' } }) as Record<string, { state: string }>).map(
    ({ state }) => state,
  );
}

async function until(isSo: () => boolean | Promise<boolean>, within = 20_000): Promise<void> {
  for (const giveUp = performance.now() + within; performance.now() < giveUp; await pause(20)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}

function ndjson({ text }: Reply): { id: string; revision: number }[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}
