import { hash, randomBytes } from 'node:crypto';

const form = /^ttp_[\w-]{43}$/;

/** A new personal access token: 256 random bits, with a prefix by which scanners know a leaked one. Shown to its owner, once. */
export function newPersonalToken(): string {
  return `ttp_${randomBytes(32).toString('base64url')}`;
}

/** Whether a bearer token means to be one of these. */
export function isPersonal(token: string): boolean {
  return token.startsWith('ttp_');
}

/**
 * What is kept of it; null for what no token looks like. No salt and no slowness: nobody guesses 256 bits. It is looked up by this digest,
 * so that the time a look-up takes tells of digests, from which no token follows.
 */
export function personalTokenDigest(token: string): Buffer | null {
  return form.test(token) ? hash('sha256', token, 'buffer') : null;
}
