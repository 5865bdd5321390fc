/** What tells this service's events from those that other applications write to the same event store. */

const STREAM = /^(task|user)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What the names of all streams of this service begin with. */
export const STREAM_PREFIXES: readonly string[] = ['task-', 'user-'];

/** An event as it stands in a store, ours or not. */
export interface CandidateEvent {
  stream: string;
  id: string;
  type: string;
  /** Parsed, where it is JSON; otherwise anything. */
  metadata: unknown;
}

/** Whether a stream is one of a task or a user, by its name: others may have named theirs alike, but for the UUID. */
export function isOwnStream(stream: string): boolean {
  return STREAM.test(stream);
}

/**
 * Whether this service wrote an event: it is in one of its streams, and has metadata as the codec makes it. A type that this release
 * does not know is no reason to say no: a later release may have written it, and it must not be skipped.
 */
export function isOwnEvent({ stream, id, type, metadata }: CandidateEvent): boolean {
  if (type.startsWith('$') || !isOwnStream(stream) || !isObject(metadata)) return false;
  const { event_id, schema_version, occurred_at, actor, operation_id, command_id, request_id, hash } = metadata;
  return (
    event_id === id &&
    Number.isSafeInteger(schema_version) &&
    isObject(actor) &&
    [occurred_at, actor.id, actor.kind, operation_id, command_id, request_id, hash].every((member) => typeof member === 'string')
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
}
