import { parseArgs } from 'node:util';
import { dataKeysTable, rewrapInstallation, rewrapTable } from '../events/keys/rewrap.ts';
import { webhookSecretsTable } from '../subscribers/webhooks/secret.ts';
import { runTool, type Tool, UsageError } from './command-line.ts';
import { openInstallation, requireKeys } from './installation.ts';
import { leaks } from './leaked-keys.ts';

const usage = `npm run rotate-keys [-- --batch 1000], with MASTER_KEY the new key and FORMER_MASTER_KEY the one it replaces
       npm run rotate-keys -- --what-leaked ${Object.keys(leaks).join(' | ')}`;
const MAX_BATCH = 10_000;

/** Has everything that the former master key sealed sealed by the new one. The service runs meanwhile, with both. */
await runTool(usage, async (tool) => {
  const { values } = parseArgs({ options: { batch: { type: 'string', default: '1000' }, 'what-leaked': { type: 'string' } } });
  const leaked = values['what-leaked'];
  if (leaked !== undefined) return sayWhatToDo(tool, leaked);
  const batchSize = Number(values.batch);
  if (!(Number.isInteger(batchSize) && batchSize >= 1 && batchSize <= MAX_BATCH))
    throw new UsageError(`a batch has from 1 to ${MAX_BATCH} rows`);
  await rotate(tool, batchSize);
});

function sayWhatToDo({ say }: Tool, leaked: string): void {
  const steps = Object.entries(leaks).find(([name]) => name === leaked)?.[1];
  if (steps === undefined) throw new UsageError(`what leaked is one of ${Object.keys(leaks).join(', ')}`);
  for (const step of steps) say(step);
}

async function rotate(tool: Tool, batchSize: number): Promise<void> {
  const installation = await openInstallation(tool);
  const { pool, config } = installation;
  if (config.keys.formerMaster === undefined) throw new UsageError('FORMER_MASTER_KEY is not set: there is no key to replace');
  const keys = await requireKeys(installation);
  const { rows } = await pool.query<{ keys: number }>(`select count(*)::integer as keys from event_log.data_keys where wrapped <> ''`);
  let seen = 0;
  const options = {
    batchSize,
    signal: tool.signal,
    onBatch(rowsOfBatch: number) {
      seen += rowsOfBatch;
      tool.progress.show('rewrapping', Math.min(1, seen / Math.max(1, rows[0]!.keys)), `${seen} keys and secrets`);
    },
  };
  const dataKeys = await rewrapTable(pool, keys, dataKeysTable, options);
  const secrets = await rewrapTable(pool, keys, webhookSecretsTable, options);
  await rewrapInstallation(pool, keys);
  tool.say(`${dataKeys.wrapped} data keys, ${secrets.wrapped} secrets of webhooks and the check value are sealed by MASTER_KEY now.`);
  const unreadable = dataKeys.unreadable + secrets.unreadable;
  if (unreadable > 0) tool.say(`${unreadable} open by neither key and were left as they are: npm run verify names the data keys.`);
  tool.say(
    'Run it once more when every instance runs with the new MASTER_KEY: what an instance sealed with the former one meanwhile is found then.',
  );
  tool.say('Then remove FORMER_MASTER_KEY everywhere and restart; make a backup: those of before still need the former key.');
}
