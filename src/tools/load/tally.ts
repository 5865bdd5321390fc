import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** What became of the requests of one kind. Times in milliseconds. */
export interface KindReport {
  kind: string;
  count: number;
  per_second: number;
  p50: number;
  p95: number;
  p99: number;
  max: number;
  errors: number;
}

export interface LoadReport {
  /** Its address; null for a service that was started for the load, without limits. */
  url: string | null;
  seconds: number;
  users: number;
  kinds: KindReport[];
  total: KindReport;
  /** How often each answer came that was not meant: by status and code, or by what kept an answer from coming. */
  errors: Record<string, number>;
}

export interface Tally {
  /** @param error what went wrong, in a word or two */
  record(kind: string, milliseconds: number, error?: string): void;
  count(): number;
  errors(): number;
  report(about: Pick<LoadReport, 'url' | 'seconds' | 'users'>): LoadReport;
}

interface Kind {
  times: RecordableHistogram;
  errors: number;
}

/** Counts in high-dynamic-range histograms, to the microsecond and three digits. */
export function createTally(kindNames: readonly string[]): Tally {
  const newKind = (): Kind => ({ times: createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 }), errors: 0 });
  const kinds = new Map(kindNames.map((name) => [name, newKind()]));
  const all = newKind();
  const errors = new Map<string, number>();
  return {
    record(name, milliseconds, error) {
      for (const kind of [kinds.get(name)!, all]) {
        kind.times.record(Math.max(1, Math.round(milliseconds * 1000)));
        if (error !== undefined) kind.errors++;
      }
      if (error !== undefined) errors.set(error, (errors.get(error) ?? 0) + 1);
    },
    count: () => all.times.count,
    errors: () => all.errors,
    report: ({ url, seconds, users }) => ({
      url,
      users,
      seconds: round(seconds),
      kinds: [...kinds].map(([name, kind]) => reportOf(name, kind, seconds)),
      total: reportOf('all', all, seconds),
      errors: Object.fromEntries([...errors].sort(([, one], [, other]) => other - one)),
    }),
  };
}

function reportOf(kind: string, { times, errors }: Kind, seconds: number): KindReport {
  const percentile = (at: number) => (times.count === 0 ? 0 : round(times.percentile(at) / 1000));
  const [p50, p95, p99] = [percentile(50), percentile(95), percentile(99)];
  const max = times.count === 0 ? 0 : round(times.max / 1000);
  return { kind, count: times.count, per_second: round(times.count / seconds), p50, p95, p99, max, errors };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
