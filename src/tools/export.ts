import { parseArgs } from 'node:util';
import { readWrappedKeys } from '../events/keys/wrapped-keys.ts';
import { runTool, UsageError } from './command-line.ts';
import { openInstallation } from './installation.ts';
import { eventsUpTo } from './log/events-up-to.ts';
import { writeLogFile } from './log/log-file.ts';
import { openLog } from './log/open-log.ts';

/** Writes the event log to a file, from which `import` makes it again. The service may run meanwhile. */
await runTool('npm run export -- file.ndjson', async (tool) => {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) throw new UsageError('the name of one file is wanted');
  const installation = await openInstallation(tool);
  const { log } = await openLog(installation, tool, { url: installation.config.eventStoreUrl });
  // The head first, then the keys, then the events up to that head: so every key of theirs is in the file, whatever is written meanwhile.
  const head = await log.head();
  const contents = await writeLogFile(
    file,
    { logId: log.logId, keys: readWrappedKeys(installation.pool), events: eventsUpTo(log, head, tool.signal) },
    ({ position }, count) => tool.progress.show('exporting', Number((position * 1000n) / head) / 1000, `${count} events`),
  );
  tool.say(`${contents.events} events and ${contents.keys} data keys of the log ${log.logId} are in ${file}, sha256 ${contents.sha256}`);
});
