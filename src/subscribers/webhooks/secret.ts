import { createHmac, randomBytes } from 'node:crypto';
import type { KeyWrap } from '../../events/keys/master-key.ts';
import type { SealedTable } from '../../events/keys/rewrap.ts';

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

/** What the master key is used for here. */
export const webhookSecrets = 'webhook secrets';

/** Where the secrets are, for whoever changes the master key. */
export const webhookSecretsTable: SealedTable = {
  table: 'webhooks.secrets',
  idType: 'bigint',
  column: 'sealed',
  purpose: webhookSecrets,
  context: `'webhook ' || webhook_id`,
};

function contextOfSecret(webhookId: string): string {
  return `webhook ${webhookId}`;
}

export function sealSecret(wrap: KeyWrap, secret: Secret, webhookId: string): Buffer {
  return wrap.seal(secret, contextOfSecret(webhookId));
}

/** @throws Error when the master key did not seal it for this webhook */
export function openSecret(wrap: KeyWrap, sealed: Buffer, webhookId: string): Secret {
  return wrap.open(sealed, contextOfSecret(webhookId));
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
