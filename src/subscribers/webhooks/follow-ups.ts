import type { Logger } from '../../platform/logging.ts';
import { Pause } from '../../platform/pause.ts';
import type { DeliveryUpkeep } from './delivery-upkeep.ts';

/**
 * What a committed change of a webhook leaves to be done, in the background: the change is answered at once, whatever becomes of this.
 * What an instance left undone when it ended is found by every other.
 */
export interface FollowUps {
  /** Cancels what waits for a webhook that is not active. */
  cancel(webhookId: string): void;
  /** Tries at once what waits for a webhook. */
  expedite(webhookId: string): void;
  close(): Promise<void>;
}

export interface FollowUpsDependencies {
  upkeep: Pick<DeliveryUpkeep, 'cancelSome' | 'expediteSome' | 'listStopped'>;
  log: Logger;
  /** Stops the webhooks whose token has expired. */
  disableExpired(): Promise<void>;
  /** Deliveries became due. */
  onDue(): void;
  /** Before a failure is followed by another attempt. */
  retryAfterMs?: number;
  /** Between two looks for what others left undone. */
  pollIntervalMs?: number;
}

type Work = 'cancel' | 'expedite';

const RETRY_AFTER_MS = 1_000;
const POLL_INTERVAL_MS = 10_000;

export function startFollowUps(dependencies: FollowUpsDependencies): FollowUps {
  const { upkeep, log, onDue, retryAfterMs = RETRY_AFTER_MS, pollIntervalMs = POLL_INTERVAL_MS } = dependencies;
  const pending = new Map<string, { work: Work; webhookId: string }>();
  const pause = new Pause();
  let isClosed = false;
  let isFailing = false;

  const add = (work: Work, webhookId: string) => {
    if (isClosed) return;
    pending.set(`${work} ${webhookId}`, { work, webhookId });
    pause.wake();
  };

  /** A chunk for each webhook in turn: one with a long backlog does not delay the others. */
  async function advance(): Promise<void> {
    for (const [key, { work, webhookId }] of [...pending]) {
      if (isClosed) return;
      pending.delete(key);
      try {
        const isMore = await (work === 'cancel' ? upkeep.cancelSome(webhookId) : upkeep.expediteSome(webhookId));
        if (work === 'expedite') onDue();
        if (isMore) add(work, webhookId);
      } catch (error) {
        pending.set(key, { work, webhookId });
        throw error;
      }
    }
  }

  const keepWorking = async () => {
    for (let polledAt = Number.NEGATIVE_INFINITY; !isClosed; ) {
      try {
        if (performance.now() - polledAt >= pollIntervalMs) {
          await dependencies.disableExpired();
          for (const id of await upkeep.listStopped()) add('cancel', id);
          polledAt = performance.now();
        }
        await advance();
        isFailing = false;
      } catch (error) {
        if (!isFailing && !isClosed) log.warn({ error }, 'deliveries of changed webhooks cannot be updated; this is tried again');
        isFailing = true;
      }
      if (isFailing) await pause.sleep(retryAfterMs);
      else if (pending.size === 0) await pause.sleep(pollIntervalMs);
    }
  };
  // What it calls may be made from it: nothing is called before the caller has it.
  const working = Promise.resolve().then(keepWorking);

  return {
    cancel: (webhookId) => add('cancel', webhookId),
    expedite: (webhookId) => add('expedite', webhookId),
    async close() {
      isClosed = true;
      pause.wake();
      await working;
    },
  };
}
