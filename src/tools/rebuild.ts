import { parseArgs } from 'node:util';
import { createKeyVault } from '../events/keys/key-vault.ts';
import { allProjections } from '../projections/all-projections.ts';
import { formerGeneration, pauseRebuild } from '../projections/generation.ts';
import type { Projection } from '../projections/projection.ts';
import { runTool, UsageError } from './command-line.ts';
import { openInstallation, requireKeys } from './installation.ts';
import { openLog } from './log/open-log.ts';
import { describeGenerations, type RebuildParts, rebuild, takeBack } from './rebuilding.ts';
import { createWorkforce } from './workforce.ts';

type Action = 'rebuild' | 'status' | 'pause' | 'resume' | 'back';

const projections: readonly Projection[] = allProjections;
const usage = `npm run rebuild -- ${projections.map(({ name }) => name).join(' ')} [--status | --pause | --resume | --back]`;

/** Each does it, and tells what was done. */
const actions: Record<Action, (projection: Projection, parts: RebuildParts) => Promise<string>> = {
  async rebuild(projection, parts) {
    const generation = await rebuild(projection, parts);
    const former = await formerGeneration(parts.pool, projection);
    const way = former === null ? '' : '; the former one can be had back for a minute (--back)';
    return `generation ${generation} of ${projection.name} is read from now on${way}`;
  },
  status: describeGenerations,
  pause: async (projection, { pool }) =>
    (await pauseRebuild(pool, projection, true)) ? `${projection.name} is paused` : `${projection.name} is not being rebuilt`,
  resume: async (projection, { pool }) =>
    (await pauseRebuild(pool, projection, false)) ? `${projection.name} goes on` : `${projection.name} is not being rebuilt`,
  back: async (projection, parts) => `generation ${await takeBack(projection, parts)} of ${projection.name} is read again`,
};

function asked(): { names: readonly Projection[]; action: Action } {
  const flag = { type: 'boolean' } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { status: flag, pause: flag, resume: flag, back: flag } });
  const [action = 'rebuild', ...others] = Object.keys(values) as Action[];
  if (others.length > 0) throw new UsageError(`--${action} and --${others.join(' and --')} do not go together`);
  const names = positionals.map((name) => {
    const projection = projections.find((known) => known.name === name);
    if (projection === undefined) throw new UsageError(`there is no read model ${JSON.stringify(name)}`);
    return projection;
  });
  if (names.length === 0 && action !== 'status') throw new UsageError('which read model?');
  return { names: names.length === 0 ? projections : names, action };
}

/** Makes read models anew from the events, beside those that are read: by the service if it runs, else by itself. */
await runTool(usage, async (tool) => {
  const { names, action } = asked();
  const installation = await openInstallation(tool);
  const { store } = await openLog(installation, tool, { url: installation.config.eventStoreUrl });
  const vault = createKeyVault(installation.pool, await requireKeys(installation));
  const workforce = createWorkforce(names, { ...installation, vault, store, tool });
  tool.closing.add('read models', () => workforce.close());
  const parts = { pool: installation.pool, store, workforce, tool };
  for (const projection of names) tool.say(await actions[action](projection, parts));
});
