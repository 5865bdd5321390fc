import { parseArgs } from 'node:util';
import { occupyAlone } from '../platform/postgres/occupancy.ts';
import { allProjections } from '../projections/all-projections.ts';
import { openMovedLog, type Translated } from '../projections/moved-log.ts';
import { type MovedSubscriber, translateSubscribers } from '../subscribers/engine/moved-subscribers.ts';
import { runTool, type Tool } from './command-line.ts';
import { inFlightOf, inFlightOption } from './in-flight.ts';
import { type Installation, openInstallation } from './installation.ts';
import { copyLog } from './log/copy-log.ts';
import { openLog } from './log/open-log.ts';
import { type Place, placesOf } from './places.ts';

interface Migration {
  from: Place;
  to: Place;
  inFlight: number | undefined;
}

const outcomes: Record<Translated['outcome'], string> = {
  translated: 'goes on there',
  'as it was': 'was there already',
  left: 'is not known here, or not of this log, and must be made anew',
};

const subscriberOutcomes: Record<MovedSubscriber['outcome'], string> = {
  ...outcomes,
  left: 'is not of this log, and is to be told where it goes on: npm run resume-subscriber',
};

async function migrate(tool: Tool, installation: Installation, { from, to, inFlight }: Migration, signal: AbortSignal): Promise<void> {
  const source = await openLog(installation, tool, { url: from.eventStoreUrl });
  const target = await openLog(installation, tool, { url: to.eventStoreUrl, adopt: source.log.logId, inFlight });
  const moved = await openMovedLog(installation.connectionString, source.store, target.store);
  tool.closing.add('translation', () => moved.close());
  const begun = performance.now();
  const { events, found, sha256 } = await copyLog(source.log, target.log, {
    signal,
    onProgress: (phase, count, done) => tool.progress.show(phase, done, `${count} events`),
    onVerified: (before, now) => moved.add(before, now),
  });
  const before = found > 0 ? ` (${found} had been there already)` : '';
  tool.say(`${events} events are in ${to.name}${before}, the same as in ${from.name}: sha256 ${sha256}`);
  const seconds = (performance.now() - begun) / 1000;
  tool.say(`Copied and compared in ${seconds.toFixed(1)} s: ${Math.round((events - found) / seconds)} events a second.`);
  let subscribers: MovedSubscriber[] = [];
  const readModels = await moved.translate(allProjections, async (client) => {
    subscribers = await translateSubscribers(client, source.store, target.store);
  });
  for (const { schema, outcome } of readModels) tool.say(`${schema} ${outcomes[outcome]}`);
  for (const { name, outcome } of subscribers) tool.say(`the subscriber ${name} ${subscriberOutcomes[outcome]}`);
  tool.say(`Start the service ${to.eventStoreUrl === undefined ? 'without EVENTSTORE_URL' : 'with EVENTSTORE_URL set to that address'}.`);
}

/** Moves the event log to another store, and lets the read models go on there. */
await runTool('npm run migrate-store -- --from postgres --to esdb://host:2113 [--in-flight 256], or back', async (tool) => {
  const { values } = parseArgs({ options: { from: { type: 'string' }, to: { type: 'string' }, 'in-flight': inFlightOption } });
  const inFlight = inFlightOf(values);
  const { from, to } = placesOf(values);
  const installation = await openInstallation(tool, from.databaseUrl ?? to.databaseUrl);
  const occupancy = await occupyAlone(installation.connectionString);
  tool.closing.add('occupancy', () => occupancy.release());
  await migrate(tool, installation, { from, to, inFlight }, AbortSignal.any([tool.signal, occupancy.lost]));
});
