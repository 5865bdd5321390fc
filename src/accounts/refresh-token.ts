import { createHmac, hash, type KeyObject, randomBytes } from 'node:crypto';

/** A new refresh token: 256 random bits, with a prefix by which scanners know a leaked one. Kept by its owner alone. */
export function newRefreshToken(): string {
  return `ttr_${randomBytes(32).toString('base64url')}`;
}

/**
 * The refresh token that follows another: the same on every instance and at every repetition, so that it need not be kept to be returned
 * again. Each token belongs to one session, which it need not name.
 */
export function successorOf(token: string, key: KeyObject): string {
  return `ttr_${createHmac('sha256', key).update(token).digest('base64url')}`;
}

/** What is kept of it. No salt and no slowness: nobody guesses 256 bits. */
export function refreshTokenDigest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
