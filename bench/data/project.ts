import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Projection } from '../../src/projections/projection.ts';
import { type ReadModelParts, startReadModels } from '../../src/projections/read-models.ts';

const LOOK_EVERY = 20;

/** Makes a read model for the first time, as the service does it. @returns seconds */
export async function project(projection: Projection, parts: ReadModelParts): Promise<number> {
  const since = performance.now();
  const models = await startReadModels([projection], parts);
  try {
    const head = await parts.store.head();
    for (;;) {
      const live = models.models[0]!.generations().find(({ state }) => state === 'live');
      const building = models.models[0]!.generations().find(({ state }) => state === 'building');
      const projector = models.models[0]!.projector((live ?? building)?.generation ?? 0);
      const status = projector?.status();
      if (status?.state === 'stopped') throw new Error(`${projection.name} stopped: ${status.error}`);
      if ((status?.position ?? 0n) >= head) break;
      await pause(LOOK_EVERY);
    }
    const seconds = (performance.now() - since) / 1000;
    while (!models.isCaughtUp()) await pause(LOOK_EVERY);
    return seconds;
  } finally {
    await models.stop();
  }
}

/** Leaves the tables as they are after a while of rest: with statistics, and with what autovacuum would have done by then. */
export async function settle(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query('vacuum (analyze)');
    await client.query('checkpoint').catch(() => {});
  } finally {
    await client.end();
  }
}
