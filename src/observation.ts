import type pg from 'pg';
import type { Accounts } from './accounts/accounts.ts';
import type { Check } from './api/health.ts';
import type { Head } from './events/integrity/signed-head.ts';
import type { KeyVault } from './events/keys/key-vault.ts';
import type { EventStore } from './events/store/event-store.ts';
import type { LogGuard } from './events/store/log-guard.ts';
import type { AppendObserver } from './events/store/observed-store.ts';
import { isLogGuarded } from './events/store/postgres/guard-log.ts';
import type { FileStorage } from './platform/files/file-storage.ts';
import type { Jobs } from './platform/jobs/jobs.ts';
import type { MailOutbox } from './platform/mail/outbox.ts';
import type { MailOutcome } from './platform/mail/outbox-table.ts';
import type { Metrics } from './platform/metrics.ts';
import { type Pools, poolNames } from './platform/postgres/pools.ts';
import { type Lag, lagBehind } from './projections/lag.ts';
import type { ReadModels } from './projections/read-models.ts';
import { healthOfProjector } from './projector-health.ts';
import type { HeadSigning } from './subscribers/sign-heads.ts';
import type { IncidentWatch } from './watch-incidents.ts';

export interface Watch {
  appends: AppendObserver;
  lostRace(): void;
  /** So many events are in a read model now. */
  applied(model: string, events: number): void;
  /** A caller was found in memory, or was not and the database was asked. */
  lookedUp(known: boolean): void;
  database(pools: Pools): void;
  accounts(accounts: Pick<Accounts, 'backlog'>): void;
  readModels(readModels: ReadModels, store: EventStore): void;
  jobs(jobs: Pick<Jobs, 'unfinished'>): void;
  jobEnded(status: 'succeeded' | 'failed'): void;
  heads(heads: Pick<HeadSigning, 'status'>): void;
  keys(vault: Pick<KeyVault, 'unreadable'>): void;
  mails(outbox: Pick<MailOutbox, 'backlog'>): void;
  mailSettled(outcome: MailOutcome): void;
}

const lookups = { name: 'tasktrail_auth_cache_lookups_total', help: 'Requests whose caller was known in memory, and whose was not.' };
const projected = { name: 'tasktrail_projection_events_total', help: 'Events whose rows this instance has written into a read model.' };

const settled = { name: 'tasktrail_mails_total', help: 'Mails that this instance was at, by how they ended.' };

const ended = { name: 'tasktrail_jobs_ended_total', help: 'Jobs that ended on this instance.' };

/** What the metrics tell of commands, the log and the read models. */
export function measure(metrics: Metrics): Watch {
  const appended = metrics.histogram({
    name: 'tasktrail_append_duration_seconds',
    help: 'From handing events to the store to its acknowledgement.',
    buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5],
  });
  const conflicted = metrics.counter({ name: 'tasktrail_append_conflicts_total', help: 'Appends refused because another came first.' });
  const recalled = metrics.counter(lookups, { result: 'hit' });
  const askedFor = metrics.counter(lookups, { result: 'miss' });
  const lostRace = metrics.counter({ name: 'tasktrail_command_retries_total', help: 'Commands decided again after a lost race.' });
  return {
    appends: { appended, conflicted: () => conflicted() },
    lostRace: () => lostRace(),
    lookedUp: (known) => (known ? recalled() : askedFor()),
    database: (pools) => measureDatabase(metrics, pools),
    heads: (heads) => measureHeads(metrics, heads),
    keys(vault) {
      const described = { name: 'tasktrail_unreadable_keys', help: 'Data keys that this instance has found and could not open.' };
      metrics.gauge(described, () => [{ value: vault.unreadable() }], []);
    },
    mailSettled: (outcome) => metrics.counter(settled, { outcome })(),
    mails(outbox) {
      const described = { name: 'tasktrail_mails_waiting', help: 'Mails that are queued and not sent, of all instances.' };
      metrics.gauge(described, async () => [{ value: (await outbox.backlog()).waiting }], []);
    },
    accounts: (accounts) => measureOutbox(metrics, accounts),
    applied: (model, events) => metrics.counter(projected, { projection: model })(events),
    jobEnded: (status) => metrics.counter(ended, { status })(),
    jobs(jobs) {
      const described = { name: 'tasktrail_jobs', help: 'Jobs that wait, and that run, on all instances.' };
      const read = async () => Object.entries(await jobs.unfinished()).map(([status, value]) => ({ labels: { status }, value }));
      metrics.gauge(described, read, ['status']);
    },
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

/** The usual way to join what is measured with what is running. */
export function tellVersion(metrics: Metrics, { version, commit }: { version: string; commit: string | null }): void {
  const labels = { version, commit: commit ?? '' };
  metrics.gauge({ name: 'tasktrail_build_info', help: 'What is running; always 1.' }, () => [{ value: 1, labels }], Object.keys(labels));
}

function measureDatabase(metrics: Metrics, pools: Pools): void {
  const ofEach = (read: (pool: pg.Pool) => { value: number; labels?: Record<string, string> }[]) => () =>
    poolNames.flatMap((pool) => read(pools[pool]).map(({ value, labels }) => ({ value, labels: { pool, ...labels } })));
  metrics.gauge(
    { name: 'tasktrail_database_connections', help: 'Connections of the pools.' },
    ofEach((pool) => [
      { labels: { state: 'idle' }, value: pool.idleCount },
      { labels: { state: 'busy' }, value: pool.totalCount - pool.idleCount },
    ]),
    ['pool', 'state'],
  );
  metrics.gauge(
    { name: 'tasktrail_database_connections_max', help: 'What each pool may grow to; they follow from DATABASE_POOL_MAX.' },
    ofEach((pool) => [{ value: pool.options.max }]),
    ['pool'],
  );
  metrics.gauge(
    { name: 'tasktrail_database_waiting', help: 'Queries that wait for a connection of a pool.' },
    ofEach((pool) => [{ value: pool.waitingCount }]),
    ['pool'],
  );
}

function measureHeads(metrics: Metrics, heads: Pick<HeadSigning, 'status'>): void {
  const ofLast = (read: (last: Head) => number) => () => {
    const { last } = heads.status();
    return last === null ? [] : [{ value: read(last) }];
  };
  metrics.gauge(
    { name: 'tasktrail_log_signed_events', help: 'Events of the log that a head signed here speaks for.' },
    ofLast(({ events }) => events),
    [],
  );
  metrics.gauge(
    { name: 'tasktrail_log_signed_timestamp_seconds', help: 'When the last head of the log was signed here.' },
    ofLast(({ at }) => Date.parse(at) / 1000),
    [],
  );
}

function measureOutbox(metrics: Metrics, { backlog }: Pick<Accounts, 'backlog'>): void {
  metrics.gauge(
    { name: 'tasktrail_outbox_events', help: 'Account events on their way into the log, of all instances.' },
    async () => [{ value: (await backlog()).waiting }],
    [],
  );
  metrics.gauge({ name: 'tasktrail_outbox_lag_seconds', help: 'Age of the oldest of them.' }, async () => {
    const { oldest } = await backlog();
    return [{ value: oldest === null ? 0 : Math.max(0, (Date.now() - oldest.getTime()) / 1000) }];
  }, []);
}

export interface HealthParts {
  store: EventStore;
  guard: Pick<LogGuard, 'problem'>;
  incidents: Pick<IncidentWatch, 'look'>;
  vault: Pick<KeyVault, 'unreadable'>;
  /** What of the records beside the database was not there at the start, for people. */
  missingRecords: readonly string[];
  pools: Pools;
  readModels: ReadModels;
  storage: Pick<FileStorage, 'check'>;
  heads: Pick<HeadSigning, 'status'>;
  mail: { check: Check };
  webhooks: { check: Check };
  kafka: { check: Check };
}

/** How each part is, for `/health/detailed`. */
export function healthOf(parts: HealthParts): Record<string, Check> {
  const { store, guard, incidents, vault, missingRecords, pools, readModels, storage, heads, mail, webhooks, kafka } = parts;
  return {
    async eventstore() {
      const { last, error } = heads.status();
      const signed = { signed_events: last?.events ?? 0, signed_at: last?.at ?? null, signing: error === null };
      const problem = guard.problem();
      if (problem !== null) return { status: 'unhealthy', error: problem };
      const unreadable_keys = vault.unreadable();
      const { foreignEvents, missingStreams } = await incidents.look();
      const isDegraded = unreadable_keys > 0 || missingStreams.length > 0 || missingRecords.length > 0;
      const status = isDegraded ? 'degraded' : 'healthy';
      return {
        status,
        head: (await store.head()).toString(),
        ...signed,
        unreadable_keys,
        foreign_events: foreignEvents,
        missing_streams: missingStreams.length,
        missing_records: missingRecords,
        write_protected: await isLogGuarded(pools.background),
      };
    },
    async postgres() {
      // On the connections of those who sign in: whether what others read fills theirs says nothing about the database.
      await pools.accounts.query('select 1');
      const all = poolNames.map((name) => pools[name]);
      const sum = (read: (pool: pg.Pool) => number) => all.reduce((total, pool) => total + read(pool), 0);
      return { status: 'healthy', connections: sum((pool) => pool.totalCount), waiting: sum((pool) => pool.waitingCount) };
    },
    projector: () => healthOfProjector(store, readModels),
    kafka: () => kafka.check(),
    async storage() {
      await storage.check();
      return { status: 'healthy' };
    },
    mail: () => mail.check(),
    webhooks: () => webhooks.check(),
  };
}
