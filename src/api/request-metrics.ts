import type { Metrics } from '../platform/metrics.ts';

export interface RequestMetrics {
  /** @param pattern the path of the route, never the path as sent, of which there are too many */
  observe(pattern: string, method: string, status: number, seconds: number): void;
  totals(): { total_requests: number; status_codes: Record<string, number> };
}

interface Kind {
  pattern: string;
  method: string;
  status: number;
  count: number;
  observe(seconds: number): void;
}

/** Counts the requests of this process. */
export function requestMetrics(metrics: Metrics): RequestMetrics {
  const kinds: Kind[] = [];
  const known = new Map<string, Map<string, Kind[]>>();

  function newKind(pattern: string, method: string, status: number): Kind {
    const observe = metrics.histogram(
      { name: 'http_request_duration_seconds', help: 'From the head of a request to the end of its answer.', buckets },
      { method, path: pattern, status: `${Math.floor(status / 100)}xx` },
    );
    const kind = { pattern, method, status, count: 0, observe };
    kinds.push(kind);
    return kind;
  }

  function kindOf(pattern: string, method: string, status: number): Kind {
    const methods = kept(known, pattern, () => new Map<string, Kind[]>());
    const ofMethod = kept(methods, method, () => []);
    const there = ofMethod.find((kind) => kind.status === status);
    if (there) return there;
    const kind = newKind(pattern, method, status);
    ofMethod.push(kind);
    return kind;
  }

  metrics.counts({ name: 'http_requests_total', help: 'Requests answered.' }, ['method', 'path', 'status'], () =>
    kinds.map(({ method, pattern, status, count }) => ({ labels: { method, path: pattern, status: String(status) }, value: count })),
  );

  return {
    observe(pattern, method, status, seconds) {
      const kind = kindOf(pattern, method, status);
      kind.count++;
      kind.observe(seconds);
    },
    totals() {
      const status_codes: Record<string, number> = {};
      for (const { status, count } of kinds) status_codes[status] = (status_codes[status] ?? 0) + count;
      return { total_requests: kinds.reduce((sum, { count }) => sum + count, 0), status_codes };
    },
  };
}

const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

function kept<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
