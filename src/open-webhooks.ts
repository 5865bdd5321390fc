import type { Accounts } from './accounts/accounts.ts';
import { databaseOn } from './accounts/database.ts';
import type { Check } from './api/health.ts';
import type { WebhookServices } from './api/routes/webhooks.ts';
import type { Config } from './config.ts';
import type { KeyVault } from './events/keys/key-vault.ts';
import { createKeyWrap } from './events/keys/master-key.ts';
import type { EventStore } from './events/store/event-store.ts';
import { startChore } from './platform/chore.ts';
import type { Closing } from './platform/closing.ts';
import type { Keys } from './platform/generated-keys.ts';
import type { Jobs } from './platform/jobs/jobs.ts';
import type { Logger } from './platform/logging.ts';
import type { Metrics } from './platform/metrics.ts';
import { createGuardedPost, type GuardedPostOptions } from './platform/outbound/guarded-post.ts';
import type { Pools } from './platform/postgres/pools.ts';
import type { Progress } from './projections/progress.ts';
import type { Queries } from './queries/queries.ts';
import type { Subscriber } from './subscribers/subscriber.ts';
import { askedDeliveries } from './subscribers/webhooks/asked-deliveries.ts';
import { createDeliveryTable } from './subscribers/webhooks/delivery-table.ts';
import { createDeliveryUpkeep } from './subscribers/webhooks/delivery-upkeep.ts';
import { type DeliveryTiming, startDeliveryWorkers } from './subscribers/webhooks/delivery-workers.ts';
import { webhookDispatch } from './subscribers/webhooks/dispatch.ts';
import { startFollowUps } from './subscribers/webhooks/follow-ups.ts';
import { measureWebhooks, webhookHealth } from './subscribers/webhooks/observe.ts';
import { webhookRenderer } from './subscribers/webhooks/render.ts';
import { ReplayJob, replayJob, replayLimits, runReplay } from './subscribers/webhooks/replay.ts';
import { type RetrySchedule, usualSchedule } from './subscribers/webhooks/retry-schedule.ts';
import { webhookSecrets } from './subscribers/webhooks/secret.ts';
import { createWebhooks } from './subscribers/webhooks/webhooks.ts';

export interface WebhookSideParts {
  config: Pick<Config, 'webhookAllowPrivate' | 'environment'>;
  keys: Pick<Keys, 'master' | 'formerMaster'>;
  pools: Pick<Pools, 'commands' | 'background'>;
  store: EventStore;
  vault: KeyVault;
  accounts: Pick<Accounts, 'recorded'>;
  queries: Queries;
  progress: Progress;
  /** The PostgreSQL schema of the feed's read model, just now. */
  feedSchema(): string;
  metrics: Metrics;
  logger: Logger;
  closing: Closing;
  schedule?: RetrySchedule;
  timing?: Partial<DeliveryTiming>;
  resolve?: GuardedPostOptions['resolve'];
}

/** Everything about webhooks. */
export interface WebhookSide extends Pick<WebhookServices, 'webhooks' | 'asked'> {
  /** Follows the log, and queues. */
  subscriber: Subscriber;
  /** Says how replays are done. To be called before jobs run. */
  defineJobs(jobs: Pick<Jobs, 'define'>): void;
  /** From now on sends. */
  run(): void;
  check: Check;
}

const KEPT_DAYS = 30;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

export function openWebhooks(parts: WebhookSideParts): WebhookSide {
  const { config, keys, pools, progress, metrics, accounts, closing, schedule = usualSchedule, timing = {} } = parts;
  const log = parts.logger.named('webhooks');
  const database = databaseOn(pools.commands);
  const inBackground = databaseOn(pools.background);
  const table = createDeliveryTable(inBackground);
  const poster = createGuardedPost({
    allowPrivate: config.webhookAllowPrivate,
    requireHttps: config.environment === 'production' && !config.webhookAllowPrivate,
    ...(parts.resolve && { resolve: parts.resolve }),
  });
  const secretWrap = createKeyWrap(keys, webhookSecrets);
  const upkeep = createDeliveryUpkeep(inBackground);
  const followUps = startFollowUps({ upkeep, log, onDue: () => workers.wake(), disableExpired: () => webhooks.disableExpired() });
  const { recorded } = accounts;
  const webhooks = createWebhooks({ database, poster, secretWrap, recorded, followUps, clock: () => new Date() });
  const workers = startDeliveryWorkers({
    ...{ table, poster, secretWrap, schedule, timing, log },
    render: webhookRenderer(parts),
    disable: webhooks.disable,
    cancel: followUps.cancel,
    onAttempt: measureWebhooks(metrics, table),
  });
  closing.add('follow-ups of webhooks', () => followUps.close());
  closing.add('webhooks', () => workers.close());
  return {
    webhooks,
    asked: askedDeliveries(database, webhooks.read, workers.wake),
    subscriber: webhookDispatch({
      feedSchema: parts.feedSchema,
      feedReached: (position, within) => progress.reached('feed', position, within),
      queued: workers.wake,
    }),
    defineJobs: (jobs) =>
      jobs.define(
        replayJob,
        ReplayJob,
        runReplay({
          ...parts,
          database: inBackground,
          feedFollows: (position, signal) => progress.follow('feed', position, signal),
          queued: workers.wake,
        }),
        replayLimits,
      ),
    run() {
      workers.run();
      const chore = startChore(pools.background, {
        name: 'webhooks',
        every: HOUR_MS,
        retryAfter: MINUTE_MS,
        work: () => upkeep.cleanUp(KEPT_DAYS),
        onFailure: (error) => log.warn({ error }, 'the log of deliveries could not be tidied; it is tried again'),
      });
      closing.add('log of deliveries', () => chore.close());
    },
    check: () => webhookHealth(table),
  };
}
