/** What is recorded beside the data of every event. The members stand in this order in the stored text; the hash is the last. */
export interface EventMetadata {
  /**
   * UUIDv5 of command id, operation id and index. A repeated append carries the same ids; a repeated command is another call, and must
   * not be taken for the first one's bytes by a store that looks at ids alone.
   */
  event_id: string;
  schema_version: number;
  /** RFC 3339 UTC with milliseconds: when the command was made, by the clock that made it. */
  occurred_at: string;
  actor: { id: string; kind: 'user' | 'token' | 'system' };
  token_id?: string;
  session_id?: string;
  /** One for each HTTP call or job; also the correlation id. */
  operation_id: string;
  causation_id?: string;
  request_id: string;
  command_id: string;
  /** Keyed HMAC of the request's body, when the caller sent an idempotency key. */
  body_hmac?: string;
  /** The revisions that this event takes back, when it belongs to an undo. */
  undo_of?: number[];
  /** The data keys that seal this event's personal text. */
  key_ids?: string[];
  /** SHA-256 over the event and the hash before it in the stream, base64url. */
  hash: string;
}

/** What a command hands to the codec: all but what the codec works out itself. */
export type EventContext = Omit<EventMetadata, 'event_id' | 'schema_version' | 'key_ids' | 'hash'>;
