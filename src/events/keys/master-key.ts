import { hash } from 'node:crypto';
import { deriveKey, open, seal } from './data-key.ts';

/** What seals an installation's keys: its master key and, until everything is wrapped by that one, the key that it replaces. */
export interface MasterKeys {
  master: string;
  formerMaster?: string | undefined;
}

/** Seals by the master key, and opens what that key or the former one has sealed. */
export interface KeyWrap {
  /** Names the master key, and reveals nothing of it. */
  readonly id: string;
  seal(plaintext: Buffer, context: string): Buffer;
  /** @throws Error when neither key has sealed this in this context, or it was changed since */
  open(box: Buffer, context: string): Buffer;
  /** Whether the master key itself opens it. */
  isCurrent(box: Buffer, context: string): boolean;
}

/** @param purpose what is sealed: the keys of two purposes open nothing of each other */
export function createKeyWrap({ master, formerMaster }: MasterKeys, purpose: string): KeyWrap {
  const current = deriveKey(master, purpose);
  const former = formerMaster === undefined ? undefined : deriveKey(formerMaster, purpose);
  return {
    id: hash('sha256', deriveKey(master, 'name of the master key').export(), 'base64url'),
    seal: (plaintext, context) => seal(current, plaintext, context),
    open(box, context) {
      try {
        return open(current, box, context);
      } catch (error) {
        if (former === undefined) throw error;
        return open(former, box, context);
      }
    },
    isCurrent(box, context) {
      try {
        open(current, box, context);
        return true;
      } catch {
        return false;
      }
    },
  };
}
