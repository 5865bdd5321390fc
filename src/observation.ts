import type pg from 'pg';
import type { Check } from './api/health.ts';
import type { EventStore } from './events/store/event-store.ts';
import type { AppendObserver } from './events/store/observed-store.ts';
import type { Metrics } from './platform/metrics.ts';
import { type Lag, lagBehind } from './projections/lag.ts';
import type { ReadModels } from './projections/read-models.ts';

/** A projector that lags so long, in seconds, is not working, whatever it says of itself. */
const LONGEST_LAG = 30;

export interface Watch {
  appends: AppendObserver;
  lostRace(): void;
  readModels(readModels: ReadModels, store: EventStore): void;
}

/** What the metrics tell of commands, the log and the read models. */
export function measure(metrics: Metrics): Watch {
  const appended = metrics.histogram({
    name: 'tasktrail_append_duration_seconds',
    help: 'From handing events to the store to its acknowledgement.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
  });
  const conflicted = metrics.counter({ name: 'tasktrail_append_conflicts_total', help: 'Appends refused because another came first.' });
  const lostRace = metrics.counter({ name: 'tasktrail_command_retries_total', help: 'Commands decided again after a lost race.' });
  return {
    appends: { appended, conflicted: () => conflicted() },
    lostRace: () => lostRace(),
    readModels(readModels, store) {
      const ofEach = (read: (lag: Lag) => number) => async () =>
        Promise.all(
          readModels.models.map(async ({ projection }) => ({
            labels: { projection: projection.name },
            value: read(await lagBehind(store, readModels.progress.position(projection.name))),
          })),
        );
      metrics.gauge(
        { name: 'tasktrail_projection_lag_events', help: 'Events in the log and not in the read model, up to 1000.' },
        ofEach(({ events }) => events),
      );
      metrics.gauge(
        { name: 'tasktrail_projection_lag_seconds', help: 'Age of the oldest event that is not in the read model.' },
        ofEach(({ seconds }) => seconds),
      );
    },
  };
}

/** How each part is, for `/health/detailed`. */
export function healthOf({ store, pool, readModels }: { store: EventStore; pool: pg.Pool; readModels: ReadModels }): Record<string, Check> {
  return {
    async eventstore() {
      return { status: 'healthy', head: (await store.head()).toString() };
    },
    async postgres() {
      await pool.query('select 1');
      return { status: 'healthy', connections: pool.totalCount, waiting: pool.waitingCount };
    },
    async projector() {
      const projections: Record<string, unknown> = {};
      let working = true;
      for (const model of readModels.models) {
        const { name } = model.projection;
        const live = model.generations().find(({ state }) => state === 'live');
        const projector = live && model.projector(live.generation)?.status();
        const position = readModels.progress.position(name);
        const lag = await lagBehind(store, position);
        working &&= projector?.state !== 'stopped' && lag.seconds < LONGEST_LAG;
        projections[name] = {
          state: projector?.state ?? 'stopped',
          error: projector?.error ?? null,
          position: position?.toString() ?? null,
          lag_events: lag.events,
          lag_seconds: lag.seconds,
          heartbeat: projector?.heartbeat.toISOString() ?? null,
        };
      }
      return { status: working ? 'healthy' : 'unhealthy', projections };
    },
    kafka: () => ({ status: 'off' }),
    storage: () => ({ status: 'off' }),
    mail: () => ({ status: 'off' }),
    webhooks: () => ({ status: 'off' }),
  };
}
