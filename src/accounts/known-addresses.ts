import type pg from 'pg';
import { databaseOn } from './database.ts';

const MOST = 1000;

/**
 * Reads the addresses from which an account has been signed in to, as far back as sessions are kept; none for an unknown account.
 * An account is named by its e-mail address or its username. @throws DatabaseUnavailable
 */
export function knownAddresses(pool: pg.Pool): (login: string) => Promise<string[]> {
  const database = databaseOn(pool);
  return async (login) => {
    const rows = await database.rows<{ ip: string }>(
      `select distinct sessions.ip from accounts.users join accounts.sessions on sessions.user_id = users.id
        where lower(users.email) = lower($1) or users.username = lower($1) limit $2`,
      [login, MOST],
    );
    return rows.map(({ ip }) => ip);
  };
}
