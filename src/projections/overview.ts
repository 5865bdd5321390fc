import type { EventStore, Position } from '../events/store/event-store.ts';
import type { Generation } from './generation.ts';
import { ifKnown, type Lag, lagIfKnown } from './lag.ts';
import type { ProjectorStatus } from './projector.ts';
import type { ReadModel } from './read-models.ts';

/** How a read model is, for those who run the service. */
export interface ProjectionOverview {
  name: string;
  version: number;
  position: Position;
  /** Null while the log cannot be asked. */
  lag: Lag | null;
  /** Events a second that this instance has applied of late; 0 while another instance writes. */
  rate: number;
  state: 'live' | 'catching_up' | 'rebuilding' | 'stopped';
  error: string | null;
  /** Its error is its own: the generation that is read goes on. The progress is null while the log cannot be asked. */
  rebuild: { progress: number | null; etaSeconds: number | null; paused: boolean; error: string | null } | null;
}

/** Looks at the read models, and remembers enough of its last look to compute a rate. */
export function createOverview(store: EventStore): (model: ReadModel) => Promise<ProjectionOverview> {
  const rates = new Map<string, RateMeter>();
  return async (model) => {
    const { projection } = model;
    const building = model.generations().find(({ state }) => state === 'building');
    // While it is made for the first time, that one is all there is.
    const live = model.generations().find(({ state }) => state === 'live') ?? building!;
    const status = model.projector(live.generation)?.status();
    const position = status?.position ?? live.position;
    const lag = await lagIfKnown(store, position);
    const meter = rates.get(projection.name) ?? new RateMeter();
    rates.set(projection.name, meter);
    return {
      name: projection.name,
      version: projection.version,
      position,
      lag,
      rate: meter.read(status?.applied ?? 0),
      state:
        status?.state === 'stopped'
          ? 'stopped'
          : building
            ? 'rebuilding'
            : lag !== null && lag.events > 0 && status?.state === 'catching_up'
              ? 'catching_up'
              : 'live',
      error: status?.error ?? null,
      rebuild: building ? rebuildOf(building, model.projector(building.generation)?.status(), await ifKnown(() => store.head())) : null,
    };
  };
}

function rebuildOf(building: Generation, own: ProjectorStatus | undefined, head: Position | null): ProjectionOverview['rebuild'] {
  const shown = { paused: building.paused, error: own?.error ?? null };
  if (head === null) return { progress: null, etaSeconds: null, ...shown };
  const position = own?.position ?? building.position;
  const progress = head === 0n ? 1 : Math.min(1, Number((position * 10_000n) / head) / 10_000);
  const elapsed = (Date.now() - building.madeAt.getTime()) / 1000;
  return { progress, etaSeconds: progress > 0 ? Math.round((elapsed * (1 - progress)) / progress) : null, ...shown };
}

/** Events a second between two looks that are at least a second apart. */
class RateMeter {
  #count = 0;
  #at = performance.now();
  #rate = 0;

  read(count: number): number {
    const now = performance.now();
    const seconds = (now - this.#at) / 1000;
    if (seconds >= 1) {
      this.#rate = Math.max(0, Math.round((count - this.#count) / seconds));
      this.#count = count;
      this.#at = now;
    }
    return this.#rate;
  }
}
