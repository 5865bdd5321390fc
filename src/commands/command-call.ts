import { createHmac, type KeyObject, randomUUID } from 'node:crypto';
import type { Person } from '../events/task/permission.ts';
import { formatUuid } from '../events/uuid.ts';

/** Everything about a call that its commands need to know, whatever they do. */
export interface CommandCall {
  actor: Person & { kind: 'user' | 'token' | 'system' };
  sessionId?: string;
  tokenId?: string;
  operationId: string;
  requestId: string;
  causationId?: string;
  /** RFC 3339 UTC with milliseconds: when the command is made. */
  at: string;
  /** The revision that the caller saw, or that there only must be a task. */
  ifMatch?: number | 'any' | 'none';
  /** The revisions at which the caller does not want the command carried out; `any` when there is to be no task. */
  ifNoneMatch?: readonly number[] | 'any';
  idempotency?: Idempotency;
}

export interface Idempotency {
  /** As the caller sent it. Never stored: ids and digests made from it are. */
  key: string;
  /** Method and path. */
  target: string;
  /** The body as it was understood, so that white space and order make no difference. */
  body: unknown;
}

/** What tells one command from another, and recognises its repetition. */
export interface CommandIdentity {
  /** A UUID: derived from user, target and key when there is a key (version 8), random otherwise. */
  commandId: string;
  bodyHmac?: string;
  /** The id of a task that the command creates, when there is a key: the same at every repetition. */
  createdId?: string;
}

/** @param task the task that the command is on, where a call is on several: each is a command of its own */
export function identify(secret: KeyObject, call: CommandCall, task = ''): CommandIdentity {
  if (!call.idempotency) return { commandId: randomUUID() };
  const { key, target, body } = call.idempotency;
  const digest = keyedDigest(secret, ['command', call.actor.id, target, key, task]);
  return {
    commandId: idFrom(digest.subarray(0, 16)),
    bodyHmac: createHmac('sha256', secret)
      .update(JSON.stringify(body ?? null))
      .digest('base64url'),
    createdId: idFrom(digest.subarray(16)),
  };
}

/** The id of something else that a call makes: the same at every repetition with its key, a new one without. */
export function keyedId(secret: KeyObject, { actor, idempotency }: CommandCall): string {
  return idempotency ? idFrom(keyedDigest(secret, ['made', actor.id, idempotency.target, idempotency.key])) : randomUUID();
}

function keyedDigest(secret: KeyObject, parts: readonly string[]): Buffer {
  return createHmac('sha256', secret).update(JSON.stringify(parts)).digest();
}

/** A UUID of version 8 from the first bytes of a keyed digest. */
function idFrom(bytes: Buffer): string {
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return formatUuid(bytes);
}
