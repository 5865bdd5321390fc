import { v5 as uuidv5, v7 as uuidv7 } from 'uuid';
import type { SecurityEvent } from './security-event.ts';

/** How often one thing happened within a minute; a row of `accounts.security_events`. */
export interface SecurityRow {
  id: string;
  kind: string;
  user_id: string | null;
  actor_id: string | null;
  ip: string | null;
  code: string | null;
  method: string | null;
  path: string | null;
  details: Record<string, unknown>;
  /** Of the last time. */
  request_id: string;
  count: number;
  occurred_at: string;
  last_occurred_at: string;
}

/** How many rows may be made. What is beyond that is counted without telling who and where. */
export interface RowBudget {
  /** At once. */
  burst: number;
  perMinute: number;
}

/** Counts what happens, until it is written. */
export interface SecurityTallies {
  count(event: SecurityEvent, at: Date): void;
  /** What is not written yet: at most so many rows. */
  pending(limit: number): SecurityRow[];
  /** These have been written, as they were when they were asked for. */
  written(rows: readonly SecurityRow[]): void;
}

const MINUTE = 60_000;
// Rows of one minute have ids made from what they tell, so that instances and later writes add to the same one.
const NAMESPACE = 'e1d5aa66-6d43-4a0c-9f0e-5d1f6a3c7b52';

/**
 * The same thing by the same person from the same place is one row a minute, however often it happens; and the rows have a budget, so
 * that nobody who comes from ever new addresses fills the disk. What admins do is always told in full.
 */
export function createSecurityTallies({ burst, perMinute }: RowBudget): SecurityTallies {
  const rows = new Map<string, SecurityRow>();
  let minute = 0;
  let spare = burst;

  const enter = (now: number) => {
    if (now <= minute) return;
    spare = Math.min(burst, spare + (now - minute) * perMinute);
    minute = now;
    for (const [key, { count }] of rows) if (count === 0) rows.delete(key);
  };

  const known = (key: string, row: () => SecurityRow): SecurityRow => {
    const there = rows.get(key) ?? row();
    rows.set(key, there);
    return there;
  };

  const rowOf = (event: SecurityEvent, at: Date): SecurityRow => {
    if (event.actorId !== undefined) return known(uuidv7(), () => newRow(uuidv7(), event, at));
    const key = JSON.stringify([minute, event.kind, event.userId, event.ip, event.code, event.method, event.path]);
    if (spare >= 1 || rows.has(key)) {
      return known(key, () => {
        spare--;
        return newRow(uuidv5(key, NAMESPACE), event, at);
      });
    }
    const { kind, requestId } = event;
    const others = JSON.stringify([minute, kind]);
    const anonymous = { kind, userId: null, ip: null, requestId, details: { others: true } };
    return known(others, () => newRow(uuidv5(others, NAMESPACE), anonymous, at));
  };

  return {
    count(event, at) {
      enter(Math.floor(at.getTime() / MINUTE));
      const row = rowOf(event, at);
      row.count++;
      row.request_id = event.requestId;
      row.last_occurred_at = at.toISOString();
    },
    pending(limit) {
      const found: SecurityRow[] = [];
      for (const row of rows.values()) {
        if (row.count > 0) found.push({ ...row });
        if (found.length === limit) break;
      }
      return found;
    },
    written(some) {
      const counts = new Map(some.map(({ id, count }) => [id, count]));
      for (const row of rows.values()) row.count -= counts.get(row.id) ?? 0;
    },
  };
}

function newRow(id: string, event: Omit<SecurityEvent, 'ip'> & { ip: string | null }, at: Date): SecurityRow {
  return {
    id,
    kind: event.kind,
    user_id: event.userId,
    actor_id: event.actorId ?? null,
    ip: event.ip,
    code: event.code ?? null,
    method: event.method ?? null,
    path: event.path ?? null,
    details: event.details ?? {},
    request_id: event.requestId,
    count: 0,
    occurred_at: at.toISOString(),
    last_occurred_at: at.toISOString(),
  };
}
