import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig, readEnvironment } from '../config.ts';
import { openErasureRecord, readErasureRecord, recordFile } from '../erasure/erasure-record.ts';
import { runTool, UsageError } from './command-line.ts';

/**
 * Tells an installation whose database was restored who had been erased meanwhile: by the record of the erasures that was kept with
 * another, or taken out of DATA_DIR before that was restored too. The service does it at its next start.
 */
await runTool('npm run erase-again -- erasures.ndjson', async ({ say }) => {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [name] = positionals;
  if (name === undefined || positionals.length > 1) throw new UsageError('the name of one file is wanted');
  const wishes = await readErasureRecord(name);
  if (wishes.length === 0) throw new Error(`${name} tells of nobody who was erased`);
  const { dataDir } = loadConfig(readEnvironment());
  const record = await openErasureRecord(join(dataDir, recordFile));
  const before = record.all().length;
  await record.add(wishes);
  say(
    `${record.all().length - before} of ${wishes.length} erasures were not known here; those that the database does not know are repeated when the service starts`,
  );
});
