import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomFillSync } from 'node:crypto';

/** A key that seals the text of one task or one person. Destroying it makes that text unreadable wherever it is stored. */
export interface DataKey {
  /** A UUID: events name the keys that sealed them. */
  id: string;
  key: KeyObject;
}

const NONCE = 12;
const TAG = 16;
const POOL = 4096;

/** AES-256-GCM: nonce, ciphertext, tag. `context` must be the same to open it again, so that a box cannot stand in another's place. */
export function seal(key: KeyObject, plaintext: string | Buffer, context: string): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context));
  return Buffer.concat([nonce, cipher.update(plaintext as string, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/** @throws when the box was not sealed by this key in this context, or was changed since. */
export function open(key: KeyObject, box: Buffer, context: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, NONCE)).setAAD(Buffer.from(context));
  decipher.setAuthTag(box.subarray(-TAG));
  return Buffer.concat([decipher.update(box.subarray(NONCE, -TAG)), decipher.final()]);
}

export function newKeyBytes(): Buffer {
  return Buffer.from(randomBytes(32));
}

/** A key for one purpose, from any text of 32 characters or more. */
export function deriveKey(secret: string, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secret, '', `tasktrail ${purpose}`, 32)));
}

// A system call for twelve random bytes costs thirty times as much as a slice of a refilled pool.
const pool = Buffer.allocUnsafe(POOL);
let used = POOL;

/** Valid until the pool is refilled: copy what is to be kept. */
function randomBytes(size: number): Buffer {
  if (used + size > POOL) {
    randomFillSync(pool);
    used = 0;
  }
  used += size;
  return pool.subarray(used - size, used);
}
