import type pg from 'pg';
import type { EventStore, Position } from '../../events/store/event-store.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { type Lag, lagIfKnown } from '../../projections/lag.ts';
import { type RunningSubscriber, type SubscriberStatus, subscriberStates } from './start-subscriber.ts';

/** How a subscriber is doing, on whichever instance. */
export interface SubscriberOverview {
  name: string;
  position: Position;
  /** On this instance. */
  status: SubscriberStatus;
  /** Null while the log cannot be asked. */
  lag: Lag | null;
  /** Events that it could not handle; and those that wait behind them. */
  deadLetters: number;
  /** The streams that these are of: those of one say nothing of the subscriber, and one person can cause them. */
  deadStreams: number;
  waiting: number;
}

export interface ObservedParts {
  pool: pg.Pool;
  store: EventStore;
}

/** @throws what the database throws */
export async function overviews(running: readonly RunningSubscriber[], { pool, store }: ObservedParts): Promise<SubscriberOverview[]> {
  const { rows } = await pool.query<{ name: string; position: string; dead: number; deadStreams: number; waiting: number }>(
    `select c.name, c.position,
       (select count(*)::int from subscribers.dead_letters d where d.subscriber = c.name and d.failed_at is not null) as dead,
       (select count(distinct d.stream)::int from subscribers.dead_letters d where d.subscriber = c.name and d.failed_at is not null) as "deadStreams",
       (select count(*)::int from subscribers.dead_letters d where d.subscriber = c.name and d.failed_at is null) as waiting
     from subscribers.checkpoints c where c.name = any($1)`,
    [running.map(({ name }) => name)],
  );
  const found = rows.map(async ({ name, dead: deadLetters, deadStreams, waiting, ...row }): Promise<SubscriberOverview> => {
    const position = BigInt(row.position);
    const status = running.find((one) => one.name === name)!.status();
    return { name, position, status, lag: await lagIfKnown(store, position), deadLetters, deadStreams, waiting };
  });
  return Promise.all(found);
}

/** One that lags so long, in seconds, does not work, whatever it says of itself. */
const LONGEST_LAG = 30;

const ill: ReadonlySet<SubscriberStatus['state']> = new Set(['unreachable', 'refused', 'stopped']);

/** As `/health/detailed` tells it. */
export function healthOfSubscriber({ position, status, lag, deadLetters, deadStreams, waiting }: SubscriberOverview) {
  const isWell = !ill.has(status.state) && lag !== null && lag.seconds < LONGEST_LAG && deadStreams <= 1;
  return {
    status: isWell ? ('healthy' as const) : ('degraded' as const),
    state: status.state,
    error: status.error,
    position: position.toString(),
    lag_events: lag?.events ?? null,
    lag_seconds: lag?.seconds ?? null,
    dead_letters: deadLetters,
    waiting,
    heartbeat: status.heartbeat.toISOString(),
  };
}

/** What the metrics tell of subscribers. */
export function measureSubscribers(metrics: Metrics, overviewsNow: () => Promise<SubscriberOverview[]>): void {
  let reading: Promise<SubscriberOverview[]> | undefined;
  // All gauges are read at once.
  const read = () => {
    reading ??= overviewsNow().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  const gauge = (name: string, help: string, numberOf: (overview: SubscriberOverview) => number | undefined) =>
    metrics.gauge(
      { name, help },
      async () =>
        (await read()).flatMap((overview) => {
          const value = numberOf(overview);
          return value === undefined ? [] : [{ labels: { subscriber: overview.name }, value }];
        }),
      ['subscriber'],
    );
  gauge('tasktrail_subscriber_lag_events', 'Events in the log that a subscriber has not handled, up to 1000.', ({ lag }) => lag?.events);
  gauge('tasktrail_subscriber_lag_seconds', 'Age of the oldest of them.', ({ lag }) => lag?.seconds);
  gauge('tasktrail_subscriber_dead_letters', 'Events that a subscriber could not handle.', ({ deadLetters }) => deadLetters);
  gauge('tasktrail_subscriber_waiting', 'Events put aside behind those.', ({ waiting }) => waiting);
  metrics.gauge(
    { name: 'tasktrail_subscriber_state', help: 'How a subscriber is on this instance: 1 for the state that it is in.' },
    async () =>
      (await read()).flatMap(({ name, status }) =>
        subscriberStates.map((state) => ({ labels: { subscriber: name, state }, value: status.state === state ? 1 : 0 })),
      ),
    ['subscriber', 'state'],
  );
}
