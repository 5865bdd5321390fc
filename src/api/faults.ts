import type { z } from 'zod';
import { faultMessage } from '../platform/fault-messages.ts';
import { type FaultView as Fault, faultCodes } from './views/error-view.ts';

export type { Fault };

type Path = readonly PropertyKey[];

// A body of mistakes must not make an answer much larger than itself.
const MAX_LISTED = 1000;
const longestPath = 250;

const parsing = { error: faultMessage };

/** What is wrong with a request. The same fault of the same part is listed once, at a cost that does not grow with the list. */
export class Faults {
  readonly list: Fault[] = [];
  readonly #keys: Set<string>;

  /** @param keys of the faults that are listed: empty, and given where their use is to be counted */
  constructor(keys = new Set<string>()) {
    this.#keys = keys;
  }

  add({ path, message, code }: Fault): void {
    if (this.list.length === MAX_LISTED) return;
    const key = `${code} ${path}`;
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    this.list.push({ path, message, code });
  }
}

/** The value as the schema gives it; or undefined, and what is wrong is added to the faults. @param prefix as `query.` */
export function checked(schema: z.ZodType, input: unknown, prefix: string, faults: Faults): unknown {
  const result = schema.safeParse(input, parsing);
  if (result.success) return result.data;
  for (const issue of result.error.issues) addFaults(issue, [], input, prefix, faults);
  return undefined;
}

/** The path of a part below another. Cut while it grows: the keys of a body may be as long as the body. */
export function below(path: string, key: PropertyKey): string {
  if (path.length > longestPath) return path;
  return shortened(`${path}${path === '' || path.endsWith('.') ? '' : '.'}${shortened(String(key))}`);
}

function shortened(text: string): string {
  return text.length > longestPath ? `${text.slice(0, longestPath)}…` : text;
}

function addFaults(issue: z.core.$ZodIssue, base: Path, input: unknown, prefix: string, faults: Faults): void {
  const at = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) faults.add(unknownKey(dotted(prefix, [...at, key])));
  } else if (issue.code === 'invalid_union' && issue.errors.length > 0 && !isAbsent(input, at)) {
    for (const inner of closest(issue.errors)) addFaults(inner, at, input, prefix, faults);
  } else if (issue.code === 'invalid_key' || issue.code === 'invalid_element') {
    for (const inner of issue.issues) addFaults(inner, at, input, prefix, faults);
  } else {
    faults.add({ path: dotted(prefix, at), message: issue.message, code: isAbsent(input, at) ? 'required' : codeOf(issue) });
  }
}

export function unknownKey(path: string): Fault {
  return { path, message: 'is not a known key', code: 'unknown_key' };
}

function codeOf(issue: z.core.$ZodIssue): Fault['code'] {
  switch (issue.code) {
    case 'invalid_type':
    case 'invalid_union':
      return 'discriminator' in issue ? 'not_one_of' : 'type';
    case 'too_small':
      return isCounted(issue.origin) ? 'too_short' : 'too_small';
    case 'too_big':
      return isCounted(issue.origin) ? 'too_long' : 'too_big';
    case 'invalid_value':
      return 'not_one_of';
    case 'custom':
      return faultCodes.find((code) => code === issue.params?.code) ?? 'format';
    default:
      return 'format';
  }
}

function isCounted(origin: string): boolean {
  return origin === 'string' || origin === 'array' || origin === 'set';
}

/** Of several forms that a value may have, the one that was most likely meant: of the right type, and with the fewest faults. */
function closest(forms: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] {
  const meant = forms.filter((issues) => !issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0));
  if (meant.length > 0) return meant.reduce((best, issues) => (issues.length < best.length ? issues : best));
  const [first, ...others] = forms.map((issues) => issues.find(({ code, path }) => code === 'invalid_type' && path.length === 0)!);
  return [{ ...first!, message: [first!.message, ...others.map(({ message }) => message.replace(/^must be /, ''))].join(' or ') }];
}

function isAbsent(input: unknown, path: Path): boolean {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return false;
    value = Object.hasOwn(value, key) ? (value as Record<PropertyKey, unknown>)[key] : undefined;
  }
  return value === undefined;
}

function dotted(prefix: string, path: Path): string {
  return path.reduce<string>(below, prefix);
}
