import { hash } from 'node:crypto';
import { deriveKey } from '../events/keys/data-key.ts';
import type { Database } from './database.ts';

/** Tells two SECRET_KEYs apart, and reveals nothing of either. */
export function nameOfSecretKey(secretKey: string): Buffer {
  return hash('sha256', deriveKey(secretKey, 'name of the secret key').export(), 'buffer');
}

/**
 * Ends every session when SECRET_KEY is another one than at the last start: refresh tokens are random and would outlive it. No instance may
 * run with the former key meanwhile. @returns how many sessions were ended
 */
export async function endSessionsOfFormerKey(database: Database, secretKey: string, now: Date): Promise<number> {
  const name = nameOfSecretKey(secretKey);
  return database.transaction(async (sql) => {
    await sql.rows('insert into accounts.secret_key (name) values ($1) on conflict do nothing', [name]);
    const changed = await sql.rows('update accounts.secret_key set name = $1 where name <> $1 returning 1', [name]);
    if (changed.length === 0) return 0;
    const ended = await sql.rows(`update accounts.sessions set ended_at = $1, ended_by = 'revoked' where ended_at is null returning 1`, [
      now,
    ]);
    return ended.length;
  });
}
