import { hostname, userInfo } from 'node:os';
import { parseArgs } from 'node:util';
import { parsePosition } from '../events/store/event-store.ts';
import { type ResumeAfter, resumeAfter } from '../subscribers/engine/resume.ts';
import { runTool, UsageError } from './command-line.ts';
import { openInstallation } from './installation.ts';
import { openLog } from './log/open-log.ts';

function asked(): { name: string; after: ResumeAfter } {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { after: { type: 'string' } } });
  const [name, ...others] = positionals;
  if (name === undefined || others.length > 0) throw new UsageError('which subscriber?');
  const after = values.after === 'head' || values.after === 'beginning' ? values.after : parsePosition(values.after ?? '');
  if (after === undefined) throw new UsageError('after what? head, beginning or a position');
  return { name, after };
}

/**
 * Sets where a subscriber goes on: after a restore of the log, or when what it sends to was replaced. A running service goes on from there
 * within a second.
 */
await runTool('npm run resume-subscriber -- kafka --after head | beginning | <position>', async (tool) => {
  const { name, after } = asked();
  const installation = await openInstallation(tool);
  const { store } = await openLog(installation, tool, { url: installation.config.eventStoreUrl });
  const by = `npm run resume-subscriber (${userInfo().username} on ${hostname()})`;
  const position = await resumeAfter(installation.pool, store, { name, after, by });
  if (position === null) throw new UsageError(`there is no subscriber ${JSON.stringify(name)}`);
  tool.say(`${name} goes on after position ${position}`);
});
