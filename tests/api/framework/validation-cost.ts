import { z } from 'zod';
import { addUnsafe, type SentJson } from '../../../src/api/body.ts';
import { checked, Faults } from '../../../src/api/faults.ts';
import { LoginBody } from '../../../src/api/routes/auth-bodies.ts';
import { BulkDeleteBody, TaskBody } from '../../../src/api/routes/task-bodies.ts';
import { NewWebhookBody } from '../../../src/api/routes/webhook-bodies.ts';

/** The work of validating one body, in counted steps. */
export interface Cost {
  /** Keys that were compared or looked up to find an issue that is listed already. */
  lookups: number;
  /** Schemas that were run, for the whole and for every part. */
  schemaCalls: number;
  /** The codes of what is wrong. */
  codes: string[];
}

/** Keys of issues, and how many of them were looked at. */
class CountingKeys extends Set<string> {
  looked = 0;
  override has(key: string): boolean {
    this.looked++;
    return super.has(key);
  }
  override *[Symbol.iterator](): SetIterator<string> {
    for (const key of super.values()) {
      this.looked++;
      yield key;
    }
  }
}

let schemaCalls = 0;
const instrumented = new Set<unknown>();

/** Counts the runs of a schema and of all schemas that it consists of. */
function instrument(part: unknown): void {
  if (typeof part !== 'object' || part === null || instrumented.has(part)) return;
  instrumented.add(part);
  if (!(part instanceof z.ZodType)) {
    Object.values(part).forEach(instrument);
    return;
  }
  const { run, def } = part._zod;
  part._zod.run = (payload, context) => {
    schemaCalls++;
    return run(payload, context);
  };
  Object.values(def).forEach(instrument);
}

/** What it costs to validate a body against a schema, as the request's own validation does. */
export function costOf(schema: z.ZodType, text: string): Cost {
  instrument(schema);
  schemaCalls = 0;
  const keys = new CountingKeys();
  const faults = new Faults(keys);
  const sent: SentJson = { text, value: JSON.parse(text) };
  checked(schema, sent.value, '', faults);
  addUnsafe(sent, faults);
  return { lookups: keys.looked, schemaCalls, codes: [...new Set(faults.list.map(({ code }) => code))] };
}

const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

/** Bodies that are large for their kind, in a size that is asked for. */
export const hostileShapes: Record<string, { schema: z.ZodType; body(size: number): unknown; codes: string[] }> = {
  'unknown keys': {
    schema: LoginBody,
    body: (size) => ({ email: 'a@b.example', password: 'x', ...Object.fromEntries(many(size, (index) => [`key${index}`, index])) }),
    codes: ['unknown_key'],
  },
  'text with NUL in an unknown key': {
    schema: LoginBody,
    body: (size) => ({ email: 'a@b.example', password: 'x', more: many(size, () => '\0') }),
    codes: ['unknown_key', 'format'],
  },
  'a long list of tags': {
    schema: TaskBody,
    body: (size) => ({ title: 'x', tags: many(size, (index) => `t${index}`) }),
    codes: ['too_long'],
  },
  'a long list of wrong tags': { schema: TaskBody, body: (size) => ({ title: 'x', tags: many(size, () => '/') }), codes: ['too_long'] },
  'a long list of ids': { schema: BulkDeleteBody, body: (size) => ({ task_ids: many(size, () => 'no id') }), codes: ['too_long'] },
  'a long list of event types': {
    schema: NewWebhookBody,
    body: (size) => ({ url: 'https://hooks.example', types: many(size, () => 7) }),
    codes: ['too_long'],
  },
};

/** What each of these shapes costs in this size, by its name. */
export function costsAt(size: number): Record<string, Cost> {
  return Object.fromEntries(
    Object.entries(hostileShapes).map(([name, { schema, body }]) => [name, costOf(schema, JSON.stringify(body(size)))]),
  );
}
