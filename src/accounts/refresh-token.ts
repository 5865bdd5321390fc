import { hash, randomBytes } from 'node:crypto';

/** A new refresh token: 256 random bits, with a prefix by which scanners know a leaked one. Kept by its owner alone. */
export function newRefreshToken(): string {
  return `ttr_${randomBytes(32).toString('base64url')}`;
}

/** What is kept of it. No salt and no slowness: nobody guesses 256 bits. */
export function refreshTokenDigest(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
