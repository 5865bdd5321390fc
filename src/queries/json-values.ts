import { type RawBuilder, sql } from 'kysely';

/** The name of everybody whose account is erased or unknown. */
export const deletedUser = 'Deleted user';

/** A time as the API tells it: UTC, with milliseconds. */
export function utcTime(time: RawBuilder<unknown>): RawBuilder<string> {
  return sql`to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** A person by id and the row of theirs, as `users` under this alias, that a left join found or did not. */
export function person(id: RawBuilder<unknown>, alias: string): RawBuilder<unknown> {
  const username = sql.ref(`${alias}.username`);
  const fullName = sql.ref(`${alias}.full_name`);
  return sql`json_build_object('id', ${id}, 'username', ${username}, 'full_name', coalesce(${fullName}, ${sql.lit(deletedUser)}))`;
}
