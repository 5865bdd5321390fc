import { dropGeneration } from '../../src/projections/generation.ts';
import { listing } from '../../src/projections/listing/listing.ts';
import { schemaOf } from '../../src/projections/projection.ts';
import { openDataSet } from '../data/open-data-set.ts';
import { newTasks } from '../data/sets.ts';
import type { Benchmark } from '../support/benchmark.ts';
import { copyListing } from '../support/copy-rows.ts';
import { alternating } from '../support/pairs.ts';
import { runProjector } from '../support/run-projector.ts';

/** The listing projected from the log, decryption and all, held against COPY of the rows that come out into the same indexed tables. */
export const benchmark: Benchmark = {
  id: 'S5',
  title: 'the projector, against COPY of the same rows',
  figures: [{ id: 'S5', goal: 'projector ≥ 0.5 × COPY of the same rows into the same indexed tables', bound: 0.5, direction: 'at_least' }],
  async run(stage) {
    const set = await newTasks(stage);
    const { newVault, ...parts } = await openDataSet(stage, set);
    // Versions of its own, beside which nothing else is projected.
    let version = 1_000;
    const last = () => ({ ...listing, version, generation: 1 });
    const subject = async () => {
      if (version > 1_000) await dropGeneration(parts.pool, last(), 1);
      version++;
      // Of a run before this one, on a data set that was kept.
      await dropGeneration(parts.pool, last(), 1);
      const seconds = await runProjector(last(), { ...parts, vault: newVault() });
      stage.say(`  projector    ${seconds.toFixed(2)} s, ${Math.round(set.events / seconds)} events/s`);
      return seconds;
    };
    // The first baseline of all needs rows to copy.
    await subject();
    const baseline = async () => {
      const seconds = await copyListing(parts.pool, schemaOf(last()));
      stage.say(`  COPY         ${seconds.toFixed(2)} s`);
      return seconds;
    };
    const pairs = await alternating(stage, subject, baseline);
    const rates = pairs.map(([projector, copy]) => [set.events / projector, set.events / copy] as const);
    return { figures: { S5: { pairs: rates, unit: 'events/s', note: `${set.events} events; the listing has its own commits only` } } };
  },
};
