import { appendFileSync, existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { createKeyVault } from '../../src/events/keys/key-vault.ts';
import { createPostgresEventStore } from '../../src/events/store/postgres/postgres-event-store.ts';
import { createLog } from '../../src/platform/logging.ts';
import { createPool } from '../../src/platform/postgres/pool.ts';
import { startSubscriber } from '../../src/subscribers/engine/start-subscriber.ts';

/**
 * A process that follows a log for a subscriber, which appends a line to a file for each event that it is sent, and a row to a table.
 * Ends with 0 once it is at the end of the log. `DIES_WITHIN` ends it by SIGKILL at a random one of so many events, but not of the first ten,
 * so that no event ends it twice by chance; `DIES_AT` ends it at that event.
 */
const { DATABASE_URL: connectionString = '', SENT = '', DIES_WITHIN = 'Infinity', DIES_AT = '', GATE = '', DATA_DIR = '' } = process.env;

const pool = createPool(connectionString, { max: 2, applicationName: 'tests', onError: () => {} });
const store = await createPostgresEventStore({ connectionString, log: () => {} });
const log = createLog({ level: 'info', format: 'json' });
const die = () => process.kill(process.pid, 'SIGKILL');
let remaining = 10 + Math.random() * (Number(DIES_WITHIN) - 10);
const dieInTime = () => --remaining < 0 && die();

const running = await startSubscriber(
  {
    name: 'faulty',
    startsAt: 'beginning',
    async send(events) {
      for (const { stream, revision } of events) {
        dieInTime();
        if (`${stream}@${revision}` === DIES_AT) die();
        appendFileSync(SENT, `${stream}@${revision}\n`);
      }
      dieInTime();
      // The test waits for the first file, and makes the second.
      if (GATE !== '') appendFileSync(`${DATA_DIR}/${GATE}.waits`, 'x');
      while (GATE !== '' && !existsSync(`${DATA_DIR}/${GATE}.open`)) await pause(20);
    },
    async write(events, client) {
      for (const { stream, revision } of events)
        await client.query('insert into written (place, by) values ($1, $2)', [`${stream}@${revision}`, process.pid]);
    },
  },
  {
    ...{ connectionString, pool, store, log },
    vault: createKeyVault(pool, 'a master key for tests, long enough'),
    timing: { starts: 2, retries: [10] },
  },
);
const goal = await store.head();
while ((running.status().position ?? -1n) < goal) await pause(10);
await running.stop();
await store.close();
await pool.end();
