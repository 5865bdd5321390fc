import type pg from 'pg';
import type { KeyVault } from '../../src/events/keys/key-vault.ts';
import type { EventStore } from '../../src/events/store/event-store.ts';
import type { Logger } from '../../src/platform/logging.ts';
import { prepareProjection } from '../../src/projections/generation.ts';
import type { Projection } from '../../src/projections/projection.ts';
import { startProjector } from '../../src/projections/projector.ts';

interface Parts {
  connectionString: string;
  pool: pg.Pool;
  store: EventStore;
  vault: KeyVault;
  logger: Logger;
}

/** Makes new tables from the whole log, as the service does it. @returns seconds, from the start of the projector until they could be read */
export async function runProjector(projection: Projection, { pool, store, logger: log, ...parts }: Parts): Promise<number> {
  await prepareProjection(pool, projection, store.logId, 'building');
  const head = await store.head();
  const since = performance.now();
  let seconds = Number.NaN;
  const done = Promise.withResolvers<void>();
  const onProgress = (position: bigint, caughtUp: boolean) => {
    if (position < head || !caughtUp || !Number.isNaN(seconds)) return;
    seconds = (performance.now() - since) / 1000;
    done.resolve();
  };
  const projector = startProjector(projection, 1, { ...parts, store, log, onProgress });
  const look = setInterval(() => {
    const { state, error } = projector.status();
    if (state === 'stopped') done.reject(new Error(`${projection.name} stopped: ${error}`));
  }, 200);
  try {
    await done.promise;
    return seconds;
  } finally {
    clearInterval(look);
    await projector.stop();
  }
}
