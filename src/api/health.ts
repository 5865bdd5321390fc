import { setTimeout as sleep } from 'node:timers/promises';

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

/** A part that has not answered by then counts as unhealthy. In milliseconds. */
const patience = 2000;

export interface HealthChecks {
  /** How one part is; `off` when there is no such part. */
  one(name: string): Promise<CheckResult>;
  all(): Promise<Health>;
}

/** However many ask at once, each part is asked once, and never again before it has answered: a dead one gets no queue. */
export function healthChecks(checks: Readonly<Record<string, Check>>): HealthChecks {
  const pending = new Map<string, Promise<CheckResult>>();

  function ask(name: string, check: Check): Promise<CheckResult> {
    const asked = pending.get(name) ?? answerOf(check).finally(() => pending.delete(name));
    pending.set(name, asked);
    return asked;
  }

  async function one(name: string): Promise<CheckResult> {
    const check = checks[name];
    if (!check) return { status: 'off' };
    const since = performance.now();
    const { status, ...facts } = await inTime(ask(name, check));
    return { status, latency_ms: Math.round((performance.now() - since) * 10) / 10, ...facts };
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
  try {
    return await check();
  } catch {
    return { status: 'unhealthy' };
  }
}

async function inTime(asked: Promise<CheckResult>): Promise<CheckResult> {
  const waiting = new AbortController();
  const tooLate = sleep(patience, { status: 'unhealthy' } as const, { signal: waiting.signal }).catch(
    () => ({ status: 'unhealthy' }) as const,
  );
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
