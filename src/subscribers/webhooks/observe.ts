import type { Metrics } from '../../platform/metrics.ts';
import type { DeliveryTable } from './delivery-table.ts';
import type { AttemptOutcome } from './delivery-workers.ts';

/** What was due so long ago, in milliseconds, and nobody was at, says that the workers do not work; a receiver that fails says nothing of them. */
const LATE = 60_000;

/** How deliveries go, for `/health/detailed`. A receiver that fails is its owner's to look after. */
export async function webhookHealth(table: Pick<DeliveryTable, 'backlog'>) {
  const { waiting, overdueSince, failing, disabled, active } = await table.backlog();
  const overdue = overdueMs(overdueSince);
  const status = overdue > LATE ? ('degraded' as const) : ('healthy' as const);
  return { status, active, failing, disabled, waiting, overdue_seconds: Math.round(overdue / 1000) };
}

function overdueMs(since: Date | null): number {
  return since === null ? 0 : Math.max(0, Date.now() - since.getTime());
}

/** @returns what is told of each attempt */
export function measureWebhooks(
  metrics: Metrics,
  table: Pick<DeliveryTable, 'backlog'>,
): (outcome: AttemptOutcome, seconds: number | null) => void {
  const attempts = {
    name: 'tasktrail_webhook_attempts_total',
    help: 'Deliveries to webhooks that this instance was at, by what came of it.',
  };
  const took = metrics.histogram({
    name: 'tasktrail_webhook_request_duration_seconds',
    help: 'From the call of a receiver to the head of its answer, or the end of the wait for it.',
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 15],
  });
  const gauge = (name: string, help: string, read: (backlog: Awaited<ReturnType<DeliveryTable['backlog']>>) => number) =>
    metrics.gauge({ name, help }, async () => [{ value: read(await table.backlog()) }], []);
  gauge('tasktrail_webhook_deliveries_waiting', 'Deliveries that wait, of all instances.', ({ waiting }) => waiting);
  gauge(
    'tasktrail_webhook_overdue_seconds',
    'For how long the oldest delivery is due that workers did not take up although its webhook has a place for it and does not fail.',
    ({ overdueSince }) => overdueMs(overdueSince) / 1000,
  );
  gauge('tasktrail_webhooks_failing', 'Active webhooks whose last attempt failed.', ({ failing }) => failing);
  gauge('tasktrail_webhooks_disabled', 'Webhooks that were disabled because of their receivers.', ({ disabled }) => disabled);
  return (outcome, seconds) => {
    metrics.counter(attempts, { outcome })();
    if (seconds !== null) took(seconds);
  };
}
