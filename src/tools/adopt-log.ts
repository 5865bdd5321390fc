import { parseArgs } from 'node:util';
import { createKnownLogs } from '../events/store/known-logs.ts';
import { storageMarks } from '../storage-marks.ts';
import { runTool, UsageError } from './command-line.ts';
import { openInstallation } from './installation.ts';
import { openLog } from './log/open-log.ts';

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** @throws UsageError */
function askedId(): string {
  const { positionals } = parseArgs({ allowPositionals: true });
  const [id = '', ...others] = positionals.map((given) => given.toLowerCase());
  if (!UUID.test(id) || others.length > 0) throw new UsageError('the id of one log is wanted, as the refused start names it');
  return id;
}

/** Lets this installation use an event log, or the storage of one, that another installation began. */
await runTool('npm run adopt-log -- <log id>', async (tool) => {
  const asked = askedId();
  const installation = await openInstallation(tool);
  const { config, pool } = installation;
  const { store } = await openLog(installation, tool, { url: config.eventStoreUrl, isUnknownAllowed: true });
  const { directory, bucket } = storageMarks(config);
  const found = [`The event log: ${store.logId}.`];
  let isFound = store.logId === asked;
  for (const mark of isFound ? [] : bucket ? [directory, bucket] : [directory]) {
    const owner = await mark.read();
    found.push(`${mark.place}: ${owner ?? 'of no log'}.`);
    isFound ||= owner === asked;
  }
  if (!isFound) throw new UsageError(`nothing that the settings lead to is of the log ${asked}. ${found.join(' ')}`);
  await createKnownLogs(pool).remember(asked);
  tool.say(`The log ${asked} is known to this installation. Text in it that was sealed under other keys stays unreadable.`);
});
