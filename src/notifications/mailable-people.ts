import type { Sql } from '../accounts/database.ts';

/** Which of these people there are to be told, and which of them by mail: whoever is disabled or erased is told nothing. */
export async function mailablePeople(
  sql: Sql,
  ids: readonly string[],
): Promise<{ active: ReadonlySet<string>; mailable: ReadonlySet<string> }> {
  const people = await sql.rows<{ id: string; verified: boolean }>(
    'select id, email_verified as verified from accounts.users where id = any($1) and is_active',
    [ids],
  );
  return {
    active: new Set(people.map(({ id }) => id)),
    mailable: new Set(people.filter(({ verified }) => verified).map(({ id }) => id)),
  };
}
