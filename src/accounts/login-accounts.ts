import type pg from 'pg';
import { databaseOn } from './database.ts';

const MAX_ADDRESSES = 1000;

/** What the limits on sign-in need to know of accounts. Both throw DatabaseUnavailable. */
export interface LoginAccounts {
  /** The id of the account of this e-mail address or username; null where there is none. */
  find(login: string): Promise<string | null>;
  /** The addresses from which an account has been signed in to, as far back as sessions are kept. */
  addressesOf(userId: string): Promise<string[]>;
}

export function createLoginAccounts(pool: pg.Pool): LoginAccounts {
  const database = databaseOn(pool);
  return {
    async find(login) {
      const rows = await database.rows<{ id: string }>(
        'select id from accounts.users where lower(email) = lower($1) or username = lower($1)',
        [login],
      );
      return rows[0]?.id ?? null;
    },
    async addressesOf(userId) {
      const rows = await database.rows<{ ip: string }>('select distinct ip from accounts.sessions where user_id = $1 limit $2', [
        userId,
        MAX_ADDRESSES,
      ]);
      return rows.map(({ ip }) => ip);
    },
  };
}
