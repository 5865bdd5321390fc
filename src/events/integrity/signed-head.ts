import { type KeyObject, sign, verify } from 'node:crypto';
import { z } from 'zod';
import type { SigningKey } from './signing-key.ts';

const Hash = z.string().regex(/^[\da-f]{64}$/);

/**
 * What the log was when so many events were in it. Nothing here changes when the log moves to another store, but `position`, which tells
 * where the last of them stood then.
 */
const Head = z.strictObject({
  position: z.string().regex(/^\d{1,30}$/),
  /** From the beginning of the log. */
  events: z.int().min(1),
  /** SHA-256 over the hash of the head before, and the events since in their global order: see `createLogDigest`. */
  hash: Hash,
  /** The hash of the head before; null in the first. */
  previous: Hash.nullable(),
  // The last of the events.
  stream: z.string(),
  revision: z.int().min(0),
  event_id: z.string(),
  /** RFC 3339 UTC, by the clock that signed. */
  at: z.string(),
  log_id: z.string(),
  key_id: z.string(),
});
export type Head = z.output<typeof Head>;

/** A line that is no head signed by one of the keys. The message says what is wrong with it. */
export class BadHead extends Error {
  override name = 'BadHead';
}

/** A signature of something else by the same key is no signature of a head. */
const PURPOSE = 'tasktrail log head\n';

/** @returns the JSON of the head with its signature as the last member: Ed25519 over the JSON without it */
export function signHead(head: Omit<Head, 'key_id'>, { id, privateKey }: SigningKey): string {
  const text = JSON.stringify({ ...head, key_id: id } satisfies Head);
  const signature = sign(null, Buffer.from(PURPOSE + text), privateKey).toString('base64url');
  return `${text.slice(0, -1)},"signature":"${signature}"}`;
}

/** @param keys public keys, by id @throws BadHead */
export function readSigned(line: string, keys: ReadonlyMap<string, KeyObject>): Head {
  const { head, text, signature } = parse(line);
  const key = keys.get(head.key_id);
  if (!key) throw new BadHead(`is signed by another key (${head.key_id})`);
  const isExact = signature.toString('base64url') === /"([^"]*)"\}$/.exec(line)![1];
  if (!isExact || !verify(null, Buffer.from(PURPOSE + text), key, signature)) throw new BadHead('is not what was signed');
  return head;
}

/** What a line says, whoever signed it. @throws BadHead */
export function readHead(line: string): Head {
  return parse(line).head;
}

function parse(line: string): { head: Head; text: string; signature: Buffer } {
  const [, open, signature] = /^(\{.*),"signature":"([\w-]{86})"\}$/.exec(line) ?? [];
  if (open === undefined || signature === undefined) throw new BadHead('is no signed head');
  const text = `${open}}`;
  try {
    return { head: Head.parse(JSON.parse(text)), text, signature: Buffer.from(signature, 'base64url') };
  } catch {
    throw new BadHead('is no signed head');
  }
}
