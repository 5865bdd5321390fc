import { setTimeout as sleep } from 'node:timers/promises';
import { shareResult } from '../platform/shared-result.ts';

export interface CheckResult {
  status: 'healthy' | 'degraded' | 'unhealthy' | 'off';
  /** Beside the latency, which is measured here: whatever helps whoever looks. */
  [fact: string]: unknown;
}

/** Asks a part how it is. One that throws is unhealthy. */
export type Check = () => Promise<CheckResult> | CheckResult;

export interface Health {
  status: 'healthy' | 'degraded' | 'unhealthy';
  checks: Record<string, CheckResult>;
}

/** The parts without which nothing works. */
const vitalParts = ['eventstore', 'postgres', 'projector'];
/** Named in every answer, also where they are off. */
const knownParts = [...vitalParts, 'kafka', 'storage', 'mail', 'webhooks'];

/** A part that has not answered by then counts as unhealthy. */
const CHECK_TIMEOUT_MS = 2000;
/** So long the answer of a part is given to all who ask: the paths are open, and those who ask may be many. */
const MAX_AGE_MS = 1000;

export interface HealthChecks {
  /** How one part is; `off` when there is no such part. */
  one(name: string): Promise<CheckResult>;
  all(): Promise<Health>;
}

/**
 * However many ask, each part is asked once a second at most, and never again before it has answered: a dead one gets no queue.
 * @param now milliseconds of a clock that never goes back
 */
export function healthChecks(checks: Readonly<Record<string, Check>>, now?: () => number): HealthChecks {
  const asks = new Map(Object.entries(checks).map(([name, check]) => [name, shareResult(MAX_AGE_MS, () => answerOf(check), now)]));

  async function one(name: string): Promise<CheckResult> {
    const ask = asks.get(name);
    return ask ? inTime(ask()) : { status: 'off' };
  }

  return {
    one,
    async all() {
      const names = [...new Set([...knownParts, ...Object.keys(checks)])];
      const results = await Promise.all(names.map(one));
      return { status: overall(names, results), checks: Object.fromEntries(names.map((name, index) => [name, results[index]!])) };
    },
  };
}

async function answerOf(check: Check): Promise<CheckResult> {
  const since = performance.now();
  const latency = () => ({ latency_ms: Math.round((performance.now() - since) * 10) / 10 });
  try {
    const { status, ...facts } = await check();
    return { status, ...latency(), ...facts };
  } catch {
    // What was thrown may name hosts and users, and this is open to all.
    return { status: 'unhealthy', ...latency(), error: 'its state cannot be determined: it cannot be reached, or refused to answer' };
  }
}

async function inTime(asked: Promise<CheckResult>): Promise<CheckResult> {
  const waiting = new AbortController();
  const late = { status: 'unhealthy', latency_ms: CHECK_TIMEOUT_MS, error: 'its state cannot be determined: it does not answer' } as const;
  const tooLate = sleep(CHECK_TIMEOUT_MS, late, { signal: waiting.signal }).catch(() => late);
  try {
    return await Promise.race([asked, tooLate]);
  } finally {
    waiting.abort();
  }
}

function overall(names: readonly string[], results: readonly CheckResult[]): Health['status'] {
  const statusOf = (name: string) => results[names.indexOf(name)]?.status;
  if (vitalParts.some((name) => statusOf(name) === 'unhealthy')) return 'unhealthy';
  return results.some(({ status }) => status === 'unhealthy' || status === 'degraded') ? 'degraded' : 'healthy';
}
