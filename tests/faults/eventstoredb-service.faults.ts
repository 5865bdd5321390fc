import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { audit } from '../support/audit.ts';
import { type CommandLoad, startCommandLoad } from '../support/command-load.ts';
import { anInstallation, clientOf, type Installation } from '../support/installation.ts';
import { type Client, createClient } from '../support/service.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { withEventStoreDb } from '../support/with-eventstoredb.ts';

// The service as a process, its log on a real server on disk, a proxy in between: what callers over HTTP see of each fault.

const CALLERS = 16;
/** Answer awaited, patience, and what a busy machine adds. */
const TOLD_WITHIN = 12_000;
const NOTICED_WITHIN = 4_000;
const WELL_AGAIN_WITHIN = 8_000;

withEventStoreDb(() => {
  let installation: Installation;
  let service: ServiceProcess;
  let client: Client;
  let load: CommandLoad;

  beforeEach(async () => {
    installation = await anInstallation('EventStoreDB');
    service = await installation.start();
    const token = await installation.login(service);
    client = clientOf(service, token);
    load = startCommandLoad({ client: () => client, callers: CALLERS, patience: 2 * TOLD_WITHIN });
    await load.more(300);
  });
  afterEach(() => installation.stop());

  /** Milliseconds until /health/detailed says this of the event store. */
  async function untilHealthSays(status: 'healthy' | 'unhealthy', within: number): Promise<number> {
    const since = performance.now();
    for (;;) {
      const { body } = await createClient(service.url).send('GET', '/health/detailed');
      const waited = performance.now() - since;
      if (body.checks.eventstore.status === status) {
        // Each part reports for itself.
        expect(body.checks.postgres.status).toBe('healthy');
        return Math.round(waited);
      }
      if (waited > within) throw new Error(`after ${within} ms, health does not call the event store ${status}`);
      await sleep(100);
    }
  }

  async function expectNothingLostOrDoubled(what: string, more: Record<string, unknown> = {}): Promise<void> {
    await load.more(300);
    await load.stop();
    const { faults, ...counts } = await audit(installation, load);
    const { refusals, unanswered, replayed, longestWait } = load;
    console.log(what, JSON.stringify({ ...more, ...counts, refusals, unanswered, replayed, longestWait: Math.round(longestWait) }));
    expect(faults).toEqual([]);
    expect(Object.keys(refusals).filter((code) => code !== 'DEPENDENCY_UNAVAILABLE')).toEqual([]);
    expect(unanswered).toBe(0);
    expect(longestWait).toBeLessThan(TOLD_WITHIN);
    expect((await client.get('/tasks/stats')).body.total).toBe(load.tasks.size);
  }

  test('killed and started again, down for 0, 2 and 8 s', async () => {
    const outages: unknown[] = [];
    for (const down of [0, 2_000, 8_000]) {
      const killed = performance.now();
      const restarting = installation.server!.restart(down);
      const noticed = down > 0 ? await untilHealthSays('unhealthy', NOTICED_WITHIN) : undefined;
      await restarting;
      const away = Math.round(performance.now() - killed);
      const wellAfter = await untilHealthSays('healthy', WELL_AGAIN_WITHIN);
      outages.push({ away, unhealthyAfter: noticed, healthyAfter: wellAfter });
      await load.more(200);
    }
    expect(load.refusals.DEPENDENCY_UNAVAILABLE).toBeGreaterThan(0);
    await expectNothingLostOrDoubled('killed', { outages });
  });

  test('frozen for eight seconds, twice', async () => {
    const outages: unknown[] = [];
    for (let n = 0; n < 2; n++) {
      installation.server!.freeze();
      const frozen = performance.now();
      const unhealthyAfter = await untilHealthSays('unhealthy', NOTICED_WITHIN);
      await sleep(8_000 - (performance.now() - frozen));
      installation.server!.thaw();
      const healthyAfter = await untilHealthSays('healthy', WELL_AGAIN_WITHIN);
      outages.push({ frozen: Math.round(performance.now() - frozen) - healthyAfter, unhealthyAfter, healthyAfter });
      await load.more(200);
    }
    await expectNothingLostOrDoubled('frozen', { outages });
  });

  test('frozen for twenty seconds: callers are told, and do not wait for it', async () => {
    installation.server!.freeze();
    const frozen = performance.now();
    const unhealthyAfter = await untilHealthSays('unhealthy', NOTICED_WITHIN);
    await sleep(13_000);
    const asked = performance.now();
    const refused = await client.post('/tasks', { title: 'While it is frozen' });
    const toldAfter = Math.round(performance.now() - asked);
    expect([refused.status, refused.body.error.code, refused.body.error.details]).toEqual([
      503,
      'DEPENDENCY_UNAVAILABLE',
      [{ part: 'eventstore' }],
    ]);
    expect(toldAfter).toBeLessThan(1_000);
    // What is read from PostgreSQL is there all the same.
    expect((await client.get('/tasks?limit=1')).status).toBe(200);
    expect((await client.send('GET', '/health')).status).toBe(200);
    await sleep(20_000 - (performance.now() - frozen));
    installation.server!.thaw();
    const healthyAfter = await untilHealthSays('healthy', WELL_AGAIN_WITHIN);
    await load.more(200);
    expect(load.refusals.DEPENDENCY_UNAVAILABLE).toBeGreaterThan(CALLERS);
    await expectNothingLostOrDoubled('frozen for twenty seconds', { unhealthyAfter, toldAfter, healthyAfter });
  });

  test('the line cut, swallowing everything, swallowing the answers, delayed', async () => {
    const proxy = installation.proxy!;
    const ways = { cut: () => proxy.cut(), swallowed: () => proxy.freeze('all'), 'answers swallowed': () => proxy.freeze('answers') };
    const outages: Record<string, number> = {};
    for (const [name, fail] of Object.entries(ways)) {
      fail();
      const failed = performance.now();
      await load.more(200);
      outages[name] = Math.round(performance.now() - failed);
      expect(outages[name]).toBeLessThan(TOLD_WITHIN);
    }
    proxy.delay(300);
    await sleep(5_000);
    proxy.delay(0);
    await load.more(200);
    await expectNothingLostOrDoubled('line', { backAfter: outages, delayed: '300 ms a piece for 5 s' });
  });

  test('nobody to be reached for five seconds', async () => {
    const proxy = installation.proxy!;
    proxy.refuse();
    proxy.cut();
    const unhealthyAfter = await untilHealthSays('unhealthy', NOTICED_WITHIN);
    await sleep(5_000 - unhealthyAfter);
    proxy.accept();
    const healthyAfter = await untilHealthSays('healthy', WELL_AGAIN_WITHIN);
    await expectNothingLostOrDoubled('refused', { unhealthyAfter, healthyAfter });
  });

  test('replies lost after the append, again and again: what was written is found, and callers notice nothing', async () => {
    const proxy = installation.proxy!;
    let written = 0;
    for (let n = 0; n < 20; n++) {
      const before = load.acknowledged;
      const log = await installation.store.head();
      proxy.freeze('answers');
      await sleep(200);
      // What was sent has been written, and nobody has heard of it.
      const silent = load.acknowledged - before;
      written += (await installation.store.readAll({ after: log, limit: 1_000 })).length - silent;
      proxy.cut();
      await load.more(50);
    }
    expect(written).toBeGreaterThan(CALLERS * 5);
    expect(load.refusals).toEqual({});
    await expectNothingLostOrDoubled('replies lost', { times: 20, unacknowledgedEvents: written });
  });
});
