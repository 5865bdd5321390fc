import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BEGINNING, type StoredEvent } from '../../../../src/events/store/event-store.ts';
import { LogImport, OutOfOrder } from '../../../../src/events/store/eventstoredb/import-events.ts';
import { startTcpProxy, type TcpProxy } from '../../../support/tcp-proxy.ts';
import { withEventStoreDb } from '../../../support/with-eventstoredb.ts';
import { history } from '../../../tools/history.ts';
import { type AnEventStoreDb, anEventStoreDb } from './an-eventstoredb.ts';

const EVENTS = 2_000;

withEventStoreDb(() => {
  let db: AnEventStoreDb;
  let proxy: TcpProxy;
  const imports: LogImport[] = [];
  const events = [...history(100, EVENTS)].map(({ event }) => ({ ...event, position: BEGINNING }));
  beforeAll(async () => {
    db = await anEventStoreDb();
    proxy = await startTcpProxy({ host: '127.0.0.1', port: db.server.port });
  });
  afterAll(async () => {
    for (const each of imports) await each.close();
    await proxy.close();
    await db.close();
  });

  /** A log of its own, on the one server. */
  async function emptyLog(namespace: string) {
    const log: LogImport = new LogImport({ url: db.server.url(proxy.port), namespace, log: () => {} });
    imports.push(log);
    const store = await db.open({ namespace });
    const written = async () => (await store.readAll({ after: BEGINNING, limit: EVENTS * 2 })).map(withoutPosition);
    return { log, store, written };
  }
  const withoutPosition = ({ position: _, metadata, data, ...event }: StoredEvent) =>
    [JSON.stringify(event), metadata.toString('base64'), data.toString('base64')].join(' ');
  const expected = events.map(withoutPosition);

  describe('an import', () => {
    test('keeps the order of all events, with many appends on their way at once', async () => {
      const { log, written } = await emptyLog('ordered:');
      await log.write(events.slice(0, 700));
      await log.write(events.slice(700));
      expect(await written()).toEqual(expected);
    });

    test('goes on where the log is, when answers were lost by the way', async () => {
      const { log, written } = await emptyLog('cut:');
      await log.write(events.slice(0, 100));
      const writing = log.write(events.slice(100));
      for (const deadline = Date.now() + 10_000; (await written()).length < 300 && Date.now() < deadline; ) await pause(1);
      proxy.freeze('answers');
      await pause(20);
      proxy.cut();
      await writing;
      expect(await written()).toEqual(expected);
    });

    test('is refused as soon as an event stands before another that was to be first', async () => {
      const { log, store, written } = await emptyLog('disordered:');
      await log.write(events.slice(0, 500));
      // What comes next in its stream, and not in the log.
      const streams = (from: number, to: number) => new Set(events.slice(from, to).map((event) => event.stream));
      const { stream, revision, ...early } = events.find(
        (event, n) => n > 510 && streams(0, 500).has(event.stream) && !streams(500, n).has(event.stream),
      )!;
      await store.append({ stream, expectedRevision: revision - 1, events: [early] });
      await expect(log.write(events.slice(500, 1_000))).rejects.toMatchObject({
        name: OutOfOrder.name,
        message: expect.stringContaining(`EventStoreDB has revision ${revision} of ${stream} where revision`),
      });
      // What was on its way is there; nothing of the next page is.
      expect((await written()).length).toBeLessThanOrEqual(1_000);
    });
  });
});
