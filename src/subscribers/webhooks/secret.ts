import { createHmac, type KeyObject, randomBytes } from 'node:crypto';
import { open, seal } from '../../events/keys/data-key.ts';

/** A secret after Standard Webhooks: what signs what is sent. */
export type Secret = Buffer;

const PREFIX = 'whsec_';
const SHORTEST = 24;
const LONGEST = 64;
const MADE = 32;

export function newSecret(): Secret {
  return randomBytes(MADE);
}

/** @returns undefined for what is no secret: `whsec_` and the base64 of 24 to 64 bytes */
export function parseSecret(text: string): Secret | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const encoded = text.slice(PREFIX.length);
  const bytes = Buffer.from(encoded, 'base64');
  const isWhole = bytes.toString('base64').replace(/=+$/, '') === encoded.replace(/=+$/, '');
  return isWhole && bytes.length >= SHORTEST && bytes.length <= LONGEST ? bytes : undefined;
}

export function secretText(secret: Secret): string {
  return PREFIX + secret.toString('base64');
}

export function sealSecret(key: KeyObject, secret: Secret, webhookId: string): Buffer {
  return seal(key, secret, `webhook ${webhookId}`);
}

export function openSecret(key: KeyObject, sealed: Buffer, webhookId: string): Secret {
  return open(key, sealed, `webhook ${webhookId}`);
}

/** The headers that prove what is sent, by each of the secrets, the newest first. */
export function signed(id: string, at: Date, body: Buffer, secrets: readonly Secret[]): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1000));
  const signature = (secret: Secret) => createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': secrets.map((secret) => `v1,${signature(secret)}`).join(' '),
  };
}
