/** A family of metrics as Prometheus reads it from its text format. */
export interface Family {
  name: string;
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const sampleForm = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const labelForm = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)/y;
/** In any case, as Prometheus reads them: a histogram that has just been reset has a mean of `Nan`. */
const numberForm = /^(?:[+-]?Inf|NaN|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i;

/**
 * Reads Prometheus's text format (version 0.0.4) as its documentation has it.
 * @throws Error with the line that is not of it: text of another form, a sample without HELP and TYPE before it or away from its family,
 * a series twice, a histogram whose buckets do not add up
 */
export function parseExposition(text: string): Family[] {
  if (!text.endsWith('\n')) throw new Error('The last line has no end');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let current: Family | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    if (line === '') continue;
    const [hash, keyword, name = '', ...rest] = line.split(' ');
    if (hash === '#') {
      if (!metricName.test(name)) fail('no name');
      if (keyword === 'HELP') {
        if (families.has(name)) fail('told of twice');
        current = { name, type: '', help: rest.join(' '), samples: [] };
        families.set(name, current);
      } else if (keyword === 'TYPE') {
        if (current?.name !== name || current.type !== '' || current.samples.length > 0) fail('TYPE out of place');
        if (!['counter', 'gauge', 'histogram', 'summary', 'untyped'].includes(rest.join(' '))) fail('no type');
        current!.type = rest.join(' ');
      } else fail('neither HELP nor TYPE');
      continue;
    }
    const sample = sampleForm.exec(line) ?? fail('no sample');
    if (!current || !belongs(sample[1]!, current)) fail('a sample without, or away from, its family');
    if (!numberForm.test(sample[3]!)) fail('no number');
    const labels = labelsOf(sample[2] ?? '', fail);
    const key = `${sample[1]} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (series.has(key)) fail('a series twice');
    series.add(key);
    current!.samples.push({ name: sample[1]!, labels, value: Number(sample[3]!.replace('Inf', 'Infinity')) });
  }
  const all = [...families.values()];
  for (const family of all) if (family.type === 'histogram') requireBuckets(family);
  return all;
}

function belongs(sample: string, { name, type }: Family): boolean {
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : type === 'summary' ? ['', '_sum', '_count'] : [''];
  return suffixes.some((suffix) => sample === name + suffix);
}

function labelsOf(text: string, fail: (why: string) => never): Record<string, string> {
  const labels: Record<string, string> = {};
  labelForm.lastIndex = 0;
  while (labelForm.lastIndex < text.length) {
    const [, name, value] = labelForm.exec(text) ?? fail('no label');
    if (name! in labels) fail('a label twice');
    labels[name!] = value!;
  }
  return labels;
}

function requireBuckets({ name, samples }: Family): void {
  const groups = Map.groupBy(samples, ({ labels: { le: _, ...others } }) => JSON.stringify(others));
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels: { le } }) => Number(le!.replace('Inf', 'Infinity')));
    const isRising = (values: number[]) => values.every((value, index) => index === 0 || value >= values[index - 1]!);
    const count = group.find((sample) => sample.name === `${name}_count`)?.value;
    const adds = isRising(bounds) && bounds.at(-1) === Number.POSITIVE_INFINITY && isRising(buckets.map(({ value }) => value));
    const hasSum = group.some((sample) => sample.name === `${name}_sum`);
    if (!adds || !hasSum || buckets.at(-1)!.value !== count) throw new Error(`The buckets of ${name} ${labels} do not add up`);
  }
}
