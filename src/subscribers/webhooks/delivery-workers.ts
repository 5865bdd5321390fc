import type { KeyWrap } from '../../events/keys/master-key.ts';
import { StoreUnavailable } from '../../events/store/event-store.ts';
import type { Logger } from '../../platform/logging.ts';
import { type GuardedPost, PostFailure } from '../../platform/outbound/guarded-post.ts';
import { Pause } from '../../platform/pause.ts';
import { isConnectionFailure } from '../../platform/postgres/connection-failure.ts';
import type { Attempt, Claimed, DeliveryTable } from './delivery-table.ts';
import type { Rendered } from './render.ts';
import { nextAttempt, type RetrySchedule } from './retry-schedule.ts';
import { openSecret, signed } from './secret.ts';

export type DisableReason = 'gone' | 'unreachable for a day';
export type AttemptOutcome = 'delivered' | 'retried' | 'failed' | 'withheld';

export interface DeliveryWorkerParts {
  table: DeliveryTable;
  render(claimed: Claimed): Promise<Rendered>;
  poster: GuardedPost;
  /** Opens the secrets. */
  secretWrap: KeyWrap;
  /** Nothing is sent to the webhook any more. */
  disable(webhookId: string, reason: DisableReason): Promise<void>;
  /** What waits for a webhook that is not active is to be cancelled. */
  cancel(webhookId: string): void;
  schedule: RetrySchedule;
  log: Logger;
  onAttempt?: (outcome: AttemptOutcome, seconds: number | null) => void;
  timing?: Partial<DeliveryTiming>;
}

/** In milliseconds. */
export interface DeliveryTiming {
  /** An answer that comes later is none. */
  answerWithin: number;
  /** Between two looks for what became due, or was queued by others. */
  pollEvery: number;
  /** What an instance took and did not bring to an end by then is taken by another. */
  lease: number;
}

/** Sends what is queued. Several instances share it; each event is sent at least once, and in order by task and webhook. */
export interface DeliveryWorkers {
  /** Something was queued: looks for it at once. */
  wake(): void;
  run(): void;
  /** Lets what is under way come to its end for a moment, then gives it back. May be called again. */
  close(): Promise<void>;
}

/** Requests at the same time, on one instance. They wait for others most of the time. */
const AT_ONCE = 256;
const usualTiming: DeliveryTiming = { answerWithin: 15_000, pollEvery: 500, lease: 30_000 };
// Milliseconds.
const CLOSE_WITHIN = 1_000;
const LATER = 250;
const AFTER_OUTAGE = 1_000;
const AFTER_FAULT = 5_000;
const LONGEST_AFTER_FAULT = 600_000;

export function startDeliveryWorkers(parts: DeliveryWorkerParts): DeliveryWorkers {
  const { table, poster, schedule, log, onAttempt = () => {} } = parts;
  const { answerWithin, pollEvery, lease } = { ...usualTiming, ...parts.timing };
  const pause = new Pause();
  const closing = new AbortController();
  const underWay = new Set<Promise<void>>();
  let isClosed = false;
  let working: Promise<void> | undefined;

  async function deliver(claimed: Claimed): Promise<void> {
    if (claimed.isOutdated) return settle(claimed, 'cancelled', nothing);
    const rendered = await parts.render(claimed);
    if (rendered === 'later') return table.release(claimed, LATER);
    if (rendered === 'withheld') {
      onAttempt('withheld', null);
      return settle(claimed, 'withheld', nothing);
    }
    const body = Buffer.from(JSON.stringify(rendered));
    const since = performance.now();
    const answer = await poster
      .post({ url: claimed.url, headers: headersOf(claimed, body), body, within: answerWithin }, closing.signal)
      .catch((error: unknown) => {
        if (error instanceof PostFailure) return error;
        throw error;
      });
    await conclude(claimed, answer, Math.round(performance.now() - since));
  }

  /** What waits behind a delivery of a webhook that was stopped meanwhile could not be cancelled while this was under way. */
  async function settle(claimed: Claimed, ...end: [status: Parameters<DeliveryTable['settle']>[1], attempt: Attempt]): Promise<void> {
    if ((await table.settle(claimed, ...end)) === false) parts.cancel(claimed.webhookId);
  }

  function headersOf({ eventId, webhookId, secrets, kind }: Claimed, body: Buffer): Record<string, string> {
    const opened = secrets.map((sealed) => openSecret(parts.secretWrap, sealed, webhookId));
    return {
      'content-type': 'application/cloudevents+json',
      'user-agent': 'Tasktrail-Webhooks/1',
      ...signed(eventId, new Date(), body, opened),
      ...(kind === 'replay' && { 'Tasktrail-Replay': 'true' }),
    };
  }

  async function conclude(
    claimed: Claimed,
    answer: Awaited<ReturnType<GuardedPost['post']>> | PostFailure,
    durationMs: number,
  ): Promise<void> {
    const isAnswer = !(answer instanceof PostFailure);
    const responseStatus = isAnswer ? answer.status : null;
    const attempt: Attempt = { responseStatus, error: isAnswer ? wrongWith(answer.status) : answer.message, durationMs };
    const told = (outcome: AttemptOutcome) => onAttempt(outcome, durationMs / 1000);
    if (attempt.error === null) {
      await settle(claimed, 'delivered', attempt);
      return told('delivered');
    }
    const isAskedOnce = claimed.kind === 'test' || claimed.kind === 'redelivery';
    const next = nextAttempt({ ...claimed, now: new Date(), retryAfter: isAnswer ? answer.retryAfter : undefined }, schedule);
    const reason = responseStatus === 410 ? 'gone' : next === null && !isAskedOnce ? 'unreachable for a day' : null;
    if (reason === null && next !== null && !isAskedOnce) {
      if ((await table.postpone(claimed, next, attempt)) === false) parts.cancel(claimed.webhookId);
      return told('retried');
    }
    // First, for it is not to be told as failed and be forgotten.
    if (reason !== null) await parts.disable(claimed.webhookId, reason);
    await settle(claimed, 'failed', attempt);
    told('failed');
  }

  async function carryOut(claimed: Claimed): Promise<void> {
    try {
      await deliver(claimed);
    } catch (error) {
      const isAway = error instanceof StoreUnavailable || isConnectionFailure(error);
      const wait = isAway ? AFTER_OUTAGE : Math.min(AFTER_FAULT * 2 ** (claimed.attempts - 1), LONGEST_AFTER_FAULT);
      // Given back, or taken again when its time is up where that fails too.
      await table.release(claimed, isClosed ? 0 : wait).catch(() => {});
      if (isClosed || isAway) return;
      const { webhookId: webhook_id, eventId: event_id } = claimed;
      log.error({ error, webhook_id, event_id }, 'an event could not be made ready for a webhook; it is tried again');
    }
  }

  async function takeUp(): Promise<number> {
    const room = AT_ONCE - underWay.size;
    const claimed = room > 0 ? await table.claim(room, lease) : [];
    for (const one of claimed) {
      const work = carryOut(one).finally(() => {
        underWay.delete(work);
        pause.wake();
      });
      underWay.add(work);
    }
    return claimed.length;
  }

  const keepWorking = async () => {
    for (let failing = false; !isClosed; ) {
      let taken = 0;
      try {
        taken = await takeUp();
        failing = false;
      } catch (error) {
        if (!failing && !isClosed) log.error({ error }, 'deliveries to webhooks cannot be read; it is tried again');
        failing = true;
      }
      if (taken === 0) await pause.sleep(pollEvery);
    }
  };

  return {
    wake: () => pause.wake(),
    run() {
      working ??= keepWorking();
    },
    async close() {
      isClosed = true;
      pause.wake();
      await working;
      const cut = setTimeout(() => closing.abort(new Error('the instance shuts down')), CLOSE_WITHIN);
      await Promise.all(underWay);
      clearTimeout(cut);
    },
  };
}

const nothing: Attempt = { responseStatus: null, error: null, durationMs: null };

/** @returns null for a success */
function wrongWith(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  return status >= 300 && status < 400 ? `answered ${status}: redirects are not followed` : `answered ${status}`;
}
