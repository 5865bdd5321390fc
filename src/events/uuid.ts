import { hash } from 'node:crypto';

/** The text of a UUID from its first sixteen bytes. */
export function formatUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** A UUID of version 5 (RFC 9562, 5.5), by one call of the hash: every event has one, and an object for its hashing costs twice as much. */
export function uuidv5(name: string, namespace: string): string {
  const bytes = hash('sha1', Buffer.from(namespace.replaceAll('-', '') + Buffer.from(name).toString('hex'), 'hex'), 'buffer');
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return formatUuid(bytes);
}
