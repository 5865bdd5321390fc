import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

type Labels = Record<string, string>;

interface Described {
  /** As Prometheus wants it: with the unit last, and `_total` behind a count. */
  name: string;
  help: string;
}

export interface Reading {
  value: number;
  labels?: Labels;
}

export interface Metrics {
  /** Counts up. `add` is made once for each set of labels, and kept by whoever counts. */
  counter(described: Described, labels?: Labels): (by?: number) => void;
  /** Counts that are kept elsewhere, and asked for when the metrics are read: a value for each set of labels. */
  counts(described: Described, labelNames: readonly string[], read: () => readonly { value: number; labels: Labels }[]): void;
  /** Distributes what is observed over buckets, whose upper bounds are given in the metric's unit. */
  histogram(described: Described & { buckets: readonly number[] }, labels?: Labels): (value: number) => void;
  /** Asked when the metrics are read: a value for each set of labels; nothing is shown for what cannot be read. */
  gauge(described: Described, read: () => readonly Reading[] | Promise<readonly Reading[]>, labelNames?: readonly string[]): void;
  /** In Prometheus's text format. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Gauges that prom-client names as if they counted up; the same numbers are there by type. */
const misnamed = ['nodejs_active_resources_total', 'nodejs_active_handles_total', 'nodejs_active_requests_total'];

/** The metrics of this process, its memory, event-loop delay and collections of garbage included. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  const counters = new Map<string, Counter>();
  const histograms = new Map<string, Histogram>();
  return {
    counter({ name, help }, labels = {}) {
      const counter = kept(counters, name, () => new Counter({ name, help, labelNames: Object.keys(labels), registers: [registry] }));
      const child = counter.labels(labels);
      return (by) => child.inc(by);
    },
    counts({ name, help }, labelNames, read) {
      function collect(this: Counter): void {
        this.reset();
        for (const { labels, value } of read()) this.inc(labels, value);
      }
      new Counter({ name, help, labelNames: [...labelNames], registers: [registry], collect });
    },
    histogram({ name, help, buckets }, labels = {}) {
      const make = () => new Histogram({ name, help, labelNames: Object.keys(labels), buckets: [...buckets], registers: [registry] });
      const child = kept(histograms, name, make).labels(labels);
      return (value) => child.observe(value);
    },
    gauge({ name, help }, read, labelNames = ['projection']) {
      async function collect(this: Gauge): Promise<void> {
        this.reset();
        for (const { labels = {}, value } of await readable(read)) this.set(labels, value);
      }
      new Gauge({ name, help, labelNames: [...labelNames], registers: [registry], collect });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** A part that cannot be asked just now must not hide all others. */
async function readable(read: Parameters<Metrics['gauge']>[1]): Promise<readonly Reading[]> {
  try {
    return await read();
  } catch {
    return [];
  }
}

function kept<T>(known: Map<string, T>, name: string, make: () => T): T {
  const there = known.get(name) ?? make();
  known.set(name, there);
  return there;
}
