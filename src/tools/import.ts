import { parseArgs } from 'node:util';
import { isWrappedBy, writeWrappedKeys } from '../events/keys/wrapped-keys.ts';
import { recordVocabulary } from '../events/vocabulary-gate.ts';
import type { Keys } from '../platform/generated-keys.ts';
import { occupyAlone } from '../platform/postgres/occupancy.ts';
import { runTool, type Tool, UsageError } from './command-line.ts';
import { inFlightOf, inFlightOption } from './in-flight.ts';
import { type Installation, openInstallation, requireKeys } from './installation.ts';
import { copyLog } from './log/copy-log.ts';
import { type LogFile, openLogFile } from './log/log-file.ts';
import { openLog } from './log/open-log.ts';

/** Makes the event log of a file again, in an installation whose own is empty. */
await runTool('npm run import -- file.ndjson [--in-flight 256]', async (tool) => {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { 'in-flight': inFlightOption } });
  const [name] = positionals;
  const inFlight = inFlightOf(values);
  if (name === undefined || positionals.length > 1) throw new UsageError('the name of one file is wanted');
  const file = await openLogFile(name, (events, done) => tool.progress.show('reading', done, `${events} events`));
  const installation = await openInstallation(tool);
  const keys = await requireKeys(installation);
  const occupancy = await occupyAlone(installation.connectionString);
  tool.closing.add('occupancy', () => occupancy.release());
  await importKeys(file, installation, keys);
  await recordVocabulary(installation.pool);
  const { log } = await openLog(installation, tool, { url: installation.config.eventStoreUrl, adopt: file.logId, inFlight });
  const { events, found, sha256 } = await copyLog(file, log, {
    signal: AbortSignal.any([tool.signal, occupancy.lost]),
    onProgress: (phase, count, done) => tool.progress.show(phase, done, `${count} of ${file.contents.events} events`),
    onVerified() {},
  });
  sayWhatIsThere(tool, { events, found, sha256 });
});

/** The keys before the events that they seal, as ever. */
async function importKeys(file: LogFile, { pool }: Installation, keys: Keys): Promise<void> {
  for await (const page of file.keys()) {
    if (!page.every((key) => isWrappedBy(keys, key)))
      throw new Error('MASTER_KEY (or DATA_DIR/keys.json) is not the one of the installation that the file comes from');
    await writeWrappedKeys(pool, page);
  }
}

function sayWhatIsThere({ say }: Tool, { events, found, sha256 }: { events: number; found: number; sha256: string }): void {
  const before = found > 0 ? `, ${found} of which had been there already` : '';
  say(`${events} events are there${before}, and the same as in the file: sha256 ${sha256}`);
}
