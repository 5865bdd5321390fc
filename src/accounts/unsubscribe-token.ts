import { createHmac, type KeyObject } from 'node:crypto';
import { isProof, provenIdText, readProvenId } from './proven-id.ts';

/** What ends somebody's mails without signing in: in every such mail, and good for ever. It is kept nowhere, and is good for nothing else. */
export function unsubscribeToken(key: KeyObject, userId: string): string {
  return provenIdText({ id: userId, proof: proofOf(key, userId) });
}

/** Whose token it is; null when it is none. */
export function unsubscribing(key: KeyObject, token: string): string | null {
  const shown = readProvenId(token);
  return shown && isProof(shown.proof, proofOf(key, shown.id)) ? shown.id : null;
}

function proofOf(key: KeyObject, userId: string): Buffer {
  return createHmac('sha256', key).update(userId).digest();
}
