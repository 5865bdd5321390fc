import type { EventStore, Position } from '../events/store/event-store.ts';
import type { Generation } from './generation.ts';
import { lagBehind } from './lag.ts';
import type { ReadModel } from './read-models.ts';

/** How a read model is, for those who run the service. */
export interface ProjectionOverview {
  name: string;
  version: number;
  position: Position;
  lag: { events: number; seconds: number };
  /** Events a second that this instance has applied of late; 0 while another instance writes. */
  rate: number;
  state: 'live' | 'catching_up' | 'rebuilding' | 'stopped';
  error: string | null;
  rebuild: { progress: number; etaSeconds: number | null; paused: boolean } | null;
}

/** Looks at the read models, and remembers enough of its last look to tell a rate. @throws StoreUnavailable */
export function createOverview(store: EventStore): (model: ReadModel) => Promise<ProjectionOverview> {
  const rates = new Map<string, RateMeter>();
  return async (model) => {
    const { projection } = model;
    const building = model.generations().find(({ state }) => state === 'building');
    // While it is made for the first time, that one is all there is.
    const live = model.generations().find(({ state }) => state === 'live') ?? building!;
    const status = model.projector(live.generation)?.status();
    const position = status?.position ?? live.position;
    const lag = await lagBehind(store, position);
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
            : lag.events > 0 && status?.state === 'catching_up'
              ? 'catching_up'
              : 'live',
      error: status?.error ?? null,
      rebuild: building ? rebuildOf(building, model.projector(building.generation)?.status().position, await store.head()) : null,
    };
  };
}

function rebuildOf(building: Generation, own: Position | null | undefined, head: Position) {
  const position = own ?? building.position;
  const progress = head === 0n ? 1 : Math.min(1, Number((position * 10_000n) / head) / 10_000);
  const elapsed = (Date.now() - building.madeAt.getTime()) / 1000;
  return { progress, etaSeconds: progress > 0 ? Math.round((elapsed * (1 - progress)) / progress) : null, paused: building.paused };
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
