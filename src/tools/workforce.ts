import type pg from 'pg';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { EventStore } from '../events/store/event-store.ts';
import { VOCABULARY } from '../events/vocabulary.ts';
import { requireKnownVocabulary } from '../events/vocabulary-gate.ts';
import { isOccupied, type Occupancy, occupy } from '../platform/postgres/occupancy.ts';
import type { Projection } from '../projections/projection.ts';
import { type ReadModels, startReadModels } from '../projections/read-models.ts';
import type { Tool } from './command-line.ts';

/** Those who write the read models: the service where it runs, and this process where it does not. */
export interface Workforce {
  /** Sees to it that somebody is at work. Also on read models that are not of this log, which keep the service from starting. */
  ensure(): Promise<void>;
  /** Why the work on a generation does not go on, as far as this process knows. */
  trouble(projection: Projection, generation: number): string | null;
  isServiceRunning(): Promise<boolean>;
  close(): Promise<void>;
}

export interface WorkforceParts {
  connectionString: string;
  pool: pg.Pool;
  vault: KeyVault;
  store: EventStore;
  tool: Tool;
}

export function createWorkforce(projections: readonly Projection[], parts: WorkforceParts): Workforce {
  const { connectionString, pool, tool } = parts;
  const { logger } = tool;
  let own: { readModels: ReadModels; occupancy: Occupancy } | undefined;
  return {
    async ensure() {
      if (own) return own.readModels.refresh();
      if (await isOccupied(pool)) return;
      const occupancy = await occupy(connectionString, { vocabulary: VOCABULARY, log: (line) => logger.error({}, line) });
      try {
        await requireKnownVocabulary(pool);
        own = { readModels: await startReadModels(projections, { ...parts, logger, evenMisplaced: true }), occupancy };
      } catch (error) {
        await occupancy.release();
        throw error;
      }
    },
    trouble({ name }, generation) {
      const model = own?.readModels.models.find(({ projection }) => projection.name === name);
      return model?.projector(generation)?.status().error ?? null;
    },
    isServiceRunning: async () => own === undefined && (await isOccupied(pool)),
    async close() {
      await own?.readModels.stop();
      await own?.occupancy.release();
    },
  };
}
