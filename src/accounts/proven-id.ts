import { timingSafeEqual } from 'node:crypto';
import { parse as bytesOf } from 'uuid';
import { Id } from '../events/values.ts';

/** An id, and a digest of 32 bytes that proves that it was given out. */
export interface ProvenId {
  id: string;
  proof: Buffer;
}

/** Both as one text, which can stand in an address. */
export function provenIdText({ id, proof }: ProvenId): string {
  return Buffer.concat([bytesOf(id), proof]).toString('base64url');
}

/** What such a text says, whether it is true or not; null when it is none. */
export function readProvenId(text: string): ProvenId | null {
  if (!/^[\w-]{64}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  const id = bytes.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return Id.safeParse(id).success ? { id, proof: bytes.subarray(16) } : null;
}

export function isProof(shown: Buffer, right: Buffer): boolean {
  return timingSafeEqual(shown, right);
}
