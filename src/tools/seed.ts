import { parseArgs } from 'node:util';
import type pg from 'pg';
import { Password } from '../accounts/credentials.ts';
import { createKeyedQueue } from '../commands/keyed-queue.ts';
import { createTaskStreams } from '../commands/task-streams.ts';
import { createTasks, type Tasks } from '../commands/tasks.ts';
import { deriveKey } from '../events/keys/data-key.ts';
import { createKeyVault, type KeyVault } from '../events/keys/key-vault.ts';
import { BEGINNING, type EventStore } from '../events/store/event-store.ts';
import { createVocabularyGate } from '../events/vocabulary-gate.ts';
import { occupyAlone } from '../platform/postgres/occupancy.ts';
import { allProjections } from '../projections/all-projections.ts';
import { type ReadModels, startReadModels } from '../projections/read-models.ts';
import { runTool, type Tool, UsageError } from './command-line.ts';
import { openInstallation, requireKeys } from './installation.ts';
import { openLog } from './log/open-log.ts';
import { actOut } from './seed/act-out.ts';
import { type Members, makeAccounts } from './seed/make-accounts.ts';
import { beginningOf, planHistory, WEEKS } from './seed/plan.ts';

const TASKS = 200;
const WAIT_MS = 500;

/** Fills an installation with the demo: three people, and the tasks of a small company with weeks of history. */
await runTool('npm run seed -- [--password Passw0rd-of-all]', async (tool) => {
  const { values } = parseArgs({ options: { password: { type: 'string' } } });
  const password = values.password;
  if (password !== undefined) requireUsable(password);
  const installation = await openInstallation(tool);
  if (installation.config.environment === 'production')
    throw new Error('ENVIRONMENT is production: the demo and its accounts do not belong there');
  const keys = await requireKeys(installation);
  const occupancy = await occupyAlone(installation.connectionString);
  tool.closing.add('occupancy', () => occupancy.release());
  const { config, pool, connectionString } = installation;
  const { store } = await openLog(installation, tool, { url: config.eventStoreUrl });
  const vault = createKeyVault(pool, keys);
  const hadEvents = (await store.readAll({ after: BEGINNING, limit: 1 })).length > 0;
  const readModels = await startReadModels(allProjections, { connectionString, pool, store, vault, logger: tool.logger });
  tool.closing.add('read models', () => readModels.stop());

  const now = Date.now();
  const members = await makeAccounts(installation, store, { tool, from: beginningOf(now), password });
  const steps = planHistory(now, TASKS);
  let [done, made] = [0, 0];
  await actOut(steps, tasksOf(installation.pool, store, vault, keys.secret), members.ids, (events) => {
    AbortSignal.any([tool.signal, occupancy.lost]).throwIfAborted();
    done++;
    made += events;
    tool.progress.show('seeding', done / steps.length, `${made} events`);
  });
  await catchUp(readModels, store, tool);
  tell(tool, members, made, hadEvents);
});

function requireUsable(password: string): void {
  const { error } = Password.safeParse(password);
  if (error) throw new UsageError(`the password ${error.issues.map(({ message }) => message).join(' and ')}`);
}

function tasksOf(pool: pg.Pool, store: EventStore, vault: KeyVault, secret: string): Tasks {
  return createTasks({
    store,
    vault,
    streams: createTaskStreams(store, vault),
    queue: createKeyedQueue(),
    secret: deriveKey(secret, 'idempotency'),
    // Nothing is stamped by this machine's clock but the last of the past.
    isClockAhead: () => false,
    vocabulary: createVocabularyGate(pool),
    onLostRace() {},
  });
}

async function catchUp(readModels: ReadModels, store: EventStore, tool: Tool): Promise<void> {
  const head = await store.head();
  for (const [index, { projection }] of readModels.models.entries()) {
    while (!(await readModels.progress.reached(projection.name, head, WAIT_MS))) {
      tool.signal.throwIfAborted();
      tool.progress.show(
        'read models',
        index / readModels.models.length,
        `up to position ${readModels.progress.position(projection.name)}`,
      );
    }
  }
}

function tell({ say }: Tool, { logins }: Members, events: number, hadEvents: boolean): void {
  say(`${TASKS} tasks are there, with ${events} events from the last ${WEEKS} weeks; the read models have caught up.`);
  if (hadEvents) say('The log had newer events before: as_of a time before those shows none of these.');
  say('Start the service by `npm start`, and log in (POST /api/v1/auth/login with username or email, and password) as:');
  const width = Math.max(...logins.map(({ email }) => email.length));
  for (const { username, email, password } of logins) say(`  ${username.padEnd(8)}${email.padEnd(width + 2)}${password}`);
  say('The passwords are not shown again.');
}
