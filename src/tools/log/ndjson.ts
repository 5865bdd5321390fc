import { z } from 'zod';
import type { StoredEvent, WrappedKey } from '../../events/store/event-store.ts';

/**
 * A log as text, one JSON object a line: what it is; the data keys, wrapped by the master key; the events in global order; and how many
 * there were, with their digest, so that a file that was cut off or changed is known. Bodies are the stored bytes in base64.
 */
export const VERSION = 1;

const Bytes = z.base64().transform((text) => Buffer.from(text, 'base64'));
const Stream = z.string().regex(/^[\w.:-]{1,200}$/);
const Id = z.string().regex(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);

const Header = z.strictObject({ format: z.literal('tasktrail log'), version: z.literal(VERSION), log_id: Id });
const Key = z.strictObject({ key: Id, subject: Stream, wrapped: Bytes });
const Event = z.strictObject({
  stream: Stream,
  revision: z.int().min(0),
  id: Id,
  type: z.string().regex(/^[A-Za-z]{1,200}$/),
  metadata: Bytes,
  data: Bytes,
});
const Footer = z.strictObject({ keys: z.int(), events: z.int(), sha256: z.string() });

export type Line =
  | { kind: 'header'; logId: string }
  | { kind: 'key'; key: WrappedKey }
  | { kind: 'event'; event: Omit<StoredEvent, 'position'> }
  | { kind: 'footer'; keys: number; events: number; sha256: string };

export function headerLine(logId: string): string {
  return JSON.stringify({ format: 'tasktrail log', version: VERSION, log_id: logId });
}

export function keyLine({ id, subject, wrapped }: WrappedKey): string {
  return JSON.stringify({ key: id, subject, wrapped: wrapped.toString('base64') });
}

export function eventLine({ stream, revision, id, type, metadata, data }: StoredEvent): string {
  return JSON.stringify({ stream, revision, id, type, metadata: metadata.toString('base64'), data: data.toString('base64') });
}

export function footerLine(footer: { keys: number; events: number; sha256: string }): string {
  return JSON.stringify(footer);
}

/** @throws Error that says what is wrong with the line */
export function parseLine(text: string): Line {
  const value = parseJson(text);
  if ('format' in value) return { kind: 'header', logId: checked(Header, value).log_id };
  if ('key' in value) {
    const { key: id, subject, wrapped } = checked(Key, value);
    return { kind: 'key', key: { id, subject, wrapped } };
  }
  if ('stream' in value) return { kind: 'event', event: checked(Event, value) };
  return { kind: 'footer', ...checked(Footer, value) };
}

function parseJson(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {}
  throw new Error('it is no JSON object');
}

function checked<T extends z.ZodType>(schema: T, value: object): z.output<T> {
  const { data, error } = schema.safeParse(value);
  if (error) throw new Error(error.issues.map(({ path, message }) => `${path.join('.') || 'the line'}: ${message}`).join('; '));
  return data as z.output<T>;
}
