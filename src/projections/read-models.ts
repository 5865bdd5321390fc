import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { KeyVault } from '../events/keys/key-vault.ts';
import type { RecordedEvent } from '../events/recorded-event.ts';
import { BEGINNING, type EventStore, type LogView, type Position } from '../events/store/event-store.ts';
import { misplacement, misplacementIn } from '../events/store/last-event.ts';
import type { Logger } from '../platform/logging.ts';
import { dropGeneration, dropRetired, type Generation, generationsOf, prepareProjection, promote, replaceMisplaced } from './generation.ts';
import { ReadModelsAhead } from './misplaced.ts';
import { createPace, type Pace } from './pace.ts';
import { createProgress, type Progress } from './progress.ts';
import { type Projection, schemaOf } from './projection.ts';
import { type Projector, startProjector } from './projector.ts';

/** The read side's writers, running: a projector for each generation that there is of each read model. */
export interface ReadModels {
  readonly models: readonly ReadModel[];
  progress: Progress;
  /** The schema that queries are to read a model from just now. @throws ReadModelIncomplete */
  schema(name: string): string;
  /** Whether every read model has come to where the log ended when this instance started. */
  isCaughtUp(): boolean;
  /** Looks at once for generations that were made, paused or promoted. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/** A read model is being made for the first time: half of its rows would be taken for all there are. */
export class ReadModelIncomplete extends Error {
  override name = 'ReadModelIncomplete';
}

export interface ReadModel {
  readonly projection: Projection;
  generations(): readonly Generation[];
  /** The projector of this instance for a generation; it may be standing by. */
  projector(generation: number): Projector | undefined;
}

export interface ReadModelParts {
  connectionString: string;
  pool: pg.Pool;
  store: EventStore;
  vault: KeyVault;
  logger: Logger;
  /** Starts on read models that are not of this log too, and leaves them as they are until a rebuild has taken their place. */
  evenMisplaced?: boolean;
  /** Told of events whose rows this instance committed, and since when it had worked on them: milliseconds since 1970. */
  onApplied?(model: string, events: readonly RecordedEvent[], since: number): void;
}

/** How often this instance looks for generations made or promoted by another, in milliseconds. */
const LOOK_EVERY = 500;

/** Makes what tables there are not yet, and starts to follow the log. @throws ReadModelsAhead */
export async function startReadModels(projections: readonly Projection[], parts: ReadModelParts): Promise<ReadModels> {
  const { pool, store } = parts;
  const misplaced = await requirePlaced(projections, parts);
  const goal = await store.head();
  for (const projection of projections) await prepareProjection(pool, projection, store.logId, goal === BEGINNING ? 'live' : 'building');
  const kept = new Map<string, KeptModel>();
  const progress = createProgress({
    async read(name) {
      const generations = await generationsOf(pool, kept.get(name)!.projection);
      return generations.find(({ state }) => state === 'live')?.position;
    },
    isStopped: (name) => kept.get(name)!.isStopped(),
    hurry: (name) => kept.get(name)!.hurry(),
  });
  const pace = createPace();
  for (const projection of projections) {
    const model = new KeptModel(projection, { ...parts, pace }, progress, misplaced.get(projection.name));
    await model.refresh();
    kept.set(projection.name, model);
  }
  const models = [...kept.values()];
  const stopping = new AbortController();
  const looking = keepLooking(models, stopping.signal, parts.logger);
  let caughtUp = false;
  const catchingUp = catchUp(models, goal, progress, stopping.signal).then((reached) => {
    caughtUp = reached;
  });
  return {
    models,
    progress,
    schema: (name) => kept.get(name)!.liveSchema(),
    isCaughtUp: () => caughtUp,
    refresh: async () => void (await Promise.all(models.map((model) => model.refresh()))),
    async stop() {
      stopping.abort();
      await Promise.all([looking, catchingUp, ...models.map((model) => model.stop())]);
    },
  };
}

/**
 * Looks for generations that are not of this log. A live one keeps its read model from starting, but for a rebuild; the others, which
 * nobody reads, are then dropped: not before, for a wrong address of the log misplaces all of them.
 * @returns the live ones by the names of their read models @throws ReadModelsAhead
 */
async function requirePlaced(projections: readonly Projection[], parts: ReadModelParts): Promise<Map<string, number>> {
  const live = new Map<string, number>();
  const reasons = new Map<string, string>();
  const others: [Projection, number][] = [];
  for (const projection of projections) {
    for (const generation of await generationsOf(parts.pool, projection)) {
      const reason = await misplacement(generation, parts.store);
      if (reason === null) continue;
      if (generation.state !== 'live') others.push([projection, generation.generation]);
      else {
        live.set(projection.name, generation.generation);
        reasons.set(projection.name, reason);
      }
    }
  }
  if (live.size > 0 && !parts.evenMisplaced) throw new ReadModelsAhead(reasons);
  for (const [projection, generation] of others) await dropGeneration(parts.pool, projection, generation);
  return live;
}

/** Why live read models are not of the log as it is now, by the message of a start that is refused; null when all are. */
export async function findMismatch(pool: pg.Pool, projections: readonly Projection[], log: LogView): Promise<string | null> {
  const logId = await log.currentLogId();
  const reasons = new Map<string, string>();
  for (const projection of projections) {
    for (const generation of await generationsOf(pool, projection)) {
      const reason = generation.state === 'live' ? await misplacementIn(generation, logId, log) : null;
      if (reason !== null) reasons.set(projection.name, reason);
    }
  }
  return reasons.size === 0 ? null : new ReadModelsAhead(reasons).message;
}

async function keepLooking(models: readonly KeptModel[], stop: AbortSignal, logger: Logger): Promise<void> {
  let failing = false;
  while (!stop.aborted) {
    await pause(LOOK_EVERY, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return;
    try {
      for (const model of models) await model.refresh();
      failing = false;
    } catch (error) {
      if (!failing) logger.error({ error }, 'the generations of the read models cannot be looked at; it is tried again');
      failing = true;
    }
  }
}

async function catchUp(models: readonly KeptModel[], goal: Position, progress: Progress, stop: AbortSignal): Promise<boolean> {
  for (const model of models) {
    // Where another instance has made it, this one hears of that a little later.
    while (!(await progress.reached(model.projection.name, goal, LOOK_EVERY)) || !model.isMade()) {
      await pause(LOOK_EVERY, undefined, { signal: stop }).catch(() => {});
      if (stop.aborted) return false;
    }
  }
  return true;
}

class KeptModel implements ReadModel {
  readonly projection: Projection;
  readonly #parts: ReadModelParts & { pace: Pace };
  readonly #progress: Progress;
  readonly #projectors = new Map<number, Projector>();
  /** The generation that was live at the start and is not of this log: it is not written, and gives way to the next one. */
  readonly #misplaced: number | undefined;
  #generations: readonly Generation[] = [];
  #refreshing: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(projection: Projection, parts: ReadModelParts & { pace: Pace }, progress: Progress, misplaced: number | undefined) {
    this.projection = projection;
    this.#parts = parts;
    this.#progress = progress;
    this.#misplaced = misplaced;
  }

  generations(): readonly Generation[] {
    return this.#generations;
  }

  projector(generation: number): Projector | undefined {
    return this.#projectors.get(generation);
  }

  liveSchema(): string {
    const generation = this.#live();
    if (generation === undefined) throw new ReadModelIncomplete(`The read model ${this.projection.name} is being made`);
    return schemaOf({ ...this.projection, generation });
  }

  isMade(): boolean {
    return this.#live() !== undefined;
  }

  isStopped(): boolean {
    const live = this.#live();
    return live !== undefined && this.#projectors.get(live)?.status().state === 'stopped';
  }

  hurry(): void {
    this.#projectors.get(this.#live() ?? -1)?.hurry();
  }

  refresh(): Promise<void> {
    this.#refreshing = this.#refreshing.catch(() => {}).then(() => this.#look());
    return this.#refreshing;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#refreshing.catch(() => {});
    await Promise.all([...this.#projectors.values()].map((projector) => projector.stop()));
  }

  /** None while it is made for the first time. */
  #live(): number | undefined {
    return this.#generations.find(({ state }) => state === 'live')?.generation;
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    await dropRetired(this.#parts.pool, this.projection);
    const { epoch } = this.#progress;
    this.#generations = await generationsOf(this.#parts.pool, this.projection);
    // While another instance writes, this is how far it has come.
    for (const { state, position } of this.#generations) if (state === 'live') this.#progress.moved(this.projection.name, position, epoch);
    const written = this.#generations.filter(({ paused, generation }) => !paused && generation !== this.#misplaced);
    const wanted = new Set(written.map(({ generation }) => generation));
    for (const [generation, projector] of this.#projectors) {
      if (wanted.has(generation)) continue;
      this.#projectors.delete(generation);
      await projector.stop();
    }
    for (const generation of wanted) if (!this.#projectors.has(generation)) this.#projectors.set(generation, this.#start(generation));
  }

  #start(generation: number): Projector {
    const { connectionString, store, vault, logger, pool, pace } = this.#parts;
    const onProgress = (position: Position, caughtUp: boolean) => {
      if (generation === this.#live()) return this.#progress.moved(this.projection.name, position);
      const isBuilding = this.#generations.some((known) => known.generation === generation && known.state === 'building');
      if (!caughtUp || !isBuilding) return;
      const live = this.#live();
      const takeItsPlace = live !== undefined && live === this.#misplaced ? replaceMisplaced : promote;
      takeItsPlace(pool, this.projection, generation)
        .then((promoted) => (promoted ? this.refresh() : undefined))
        .catch((error) =>
          logger.error({ error }, `generation ${generation} of ${this.projection.name} could not be promoted; it is tried again`),
        );
    };
    const onApplied = (events: readonly RecordedEvent[], since: number) => this.#parts.onApplied?.(this.projection.name, events, since);
    const log = logger.named('projector');
    const onConnectionLost = () => this.#progress.forget();
    return startProjector(this.projection, generation, {
      connectionString,
      store,
      vault,
      log,
      pace,
      onProgress,
      onApplied,
      onConnectionLost,
    });
  }
}
