import type { CheckResult } from './api/health.ts';
import type { EventStore } from './events/store/event-store.ts';
import { lagIfKnown } from './projections/lag.ts';
import type { ReadModel, ReadModels } from './projections/read-models.ts';

/** A projector that lags so long, in seconds, is not working, whatever it says of itself. */
const LONGEST_LAG = 30;

/** How the read models are. While the log cannot be asked, their lag is null and what is known of them is reported: that is degraded. */
export async function healthOfProjector(store: EventStore, { models, progress }: ReadModels): Promise<CheckResult> {
  const found = await Promise.all(models.map((model) => healthOfModel(store, model, progress)));
  const isWorking = found.every((each) => each.isWorking);
  const isImpaired = found.some(({ view }) => view.rebuild_error !== null || view.lag_events === null);
  const status = !isWorking ? 'unhealthy' : isImpaired ? 'degraded' : 'healthy';
  return { status, projections: Object.fromEntries(found.map(({ name, view }) => [name, view])) };
}

async function healthOfModel(store: EventStore, model: ReadModel, progress: ReadModels['progress']) {
  const { name } = model.projection;
  const building = model.generations().find(({ state }) => state === 'building');
  // While it is made for the first time, that one is all there is.
  const live = model.generations().find(({ state }) => state === 'live') ?? building;
  const projector = live && model.projector(live.generation)?.status();
  const rebuild = building && building !== live ? model.projector(building.generation)?.status() : undefined;
  const position = progress.position(name);
  const lag = await lagIfKnown(store, position);
  const view = {
    state: projector?.state ?? 'stopped',
    error: projector?.error ?? null,
    rebuild_error: rebuild?.error ?? null,
    position: position?.toString() ?? null,
    lag_events: lag?.events ?? null,
    lag_seconds: lag?.seconds ?? null,
    heartbeat: projector?.heartbeat.toISOString() ?? null,
  };
  return { name, view, isWorking: projector?.state !== 'stopped' && (lag === null || lag.seconds < LONGEST_LAG) };
}
