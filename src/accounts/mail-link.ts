import { createHmac, type KeyObject } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { Rejection } from '../rejection.ts';
import type { Sql } from './database.ts';
import { isProof, provenIdText, readProvenId } from './proven-id.ts';

/** What whoever opens a link that was mailed may do. */
export type LinkPurpose = 'password_reset' | 'verification' | 'email_change';

/** A link that holds, and whom it was made for, as they are now. */
export interface MailLink {
  id: string;
  purpose: LinkPurpose;
  userId: string;
  /** The address that it goes to. */
  to: string;
  email: string;
  username: string;
  passwordHash: string;
  emailVerified: boolean;
}

// Milliseconds.
const DAY = 24 * 3_600_000;
const lifetimes: Record<LinkPurpose, number> = { password_reset: 30 * 60_000, verification: DAY, email_change: DAY };

export interface NewLink {
  purpose: LinkPurpose;
  userId: string | null;
  /** The address that is to be proven, where it is not the account's own. */
  newEmail?: string;
}

/** Makes a link: a row without a secret. @returns its id */
export async function insertLink(sql: Sql, { purpose, userId, newEmail }: NewLink, at: Date): Promise<string> {
  const id = uuidv7();
  await sql.rows(
    'insert into accounts.mail_links (id, purpose, user_id, new_email, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)',
    [id, purpose, userId, newEmail ?? null, at, new Date(at.getTime() + lifetimes[purpose])],
  );
  return id;
}

/** The link of this id; null when it has expired, was used, or nobody is active whom it was made for. */
export async function readLink(sql: Sql, id: string, at: Date): Promise<MailLink | null> {
  const [link] = await sql.rows<MailLink>(
    `select links.id, links.purpose, links.user_id as "userId", coalesce(links.new_email, users.email) as "to", users.email, users.username,
       users.password_hash as "passwordHash", users.email_verified as "emailVerified"
       from accounts.mail_links as links join accounts.users on users.id = links.user_id
      where links.id = $1 and links.expires_at > $2 and users.is_active`,
    [id, at],
  );
  return link ?? null;
}

/** Uses a link up. Of two who do so at once, one is refused. @throws Rejection LINK_INVALID */
export async function useLink(sql: Sql, { id }: MailLink): Promise<void> {
  const used = await sql.rows('delete from accounts.mail_links where id = $1 returning id', [id]);
  if (used.length === 0) throw linkInvalid();
}

/** @throws Rejection LINK_INVALID for a token of no link that holds, or of one for something else */
export async function linkOf(sql: Sql, key: KeyObject, token: string, purposes: readonly LinkPurpose[], at: Date): Promise<MailLink> {
  const shown = readProvenId(token);
  const link = shown && (await readLink(sql, shown.id, at));
  if (!link || !purposes.includes(link.purpose) || !isProof(shown.proof, proofOf(key, link))) throw linkInvalid();
  return link;
}

/**
 * The token of a link, which is kept nowhere: it follows from the row and a key that is not in the database. It follows, too, from the
 * password and the address of the account as they are: when either is changed, links of before are worth nothing.
 */
export function linkToken(key: KeyObject, link: MailLink): string {
  return provenIdText({ id: link.id, proof: proofOf(key, link) });
}

function proofOf(key: KeyObject, { id, purpose, userId, to, email, passwordHash }: MailLink): Buffer {
  const bound = purpose === 'verification' ? [] : [passwordHash];
  return createHmac('sha256', key)
    .update(JSON.stringify([purpose, id, userId, to, email, ...bound]))
    .digest();
}

export function linkInvalid(): Rejection {
  return new Rejection('LINK_INVALID', 'The link has expired, was used before, or is not valid');
}
