// SQL that makes JSON, as text: made once from names of columns, and never from anything that a request brings.

/** The name of everybody whose account is erased or unknown. */
export const deletedUser = 'Deleted user';

/** A time as the API tells it: UTC, with milliseconds. */
export function utcTime(time: string): string {
  return `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

/** The JSON of a row with these columns, as text. */
export function jsonRow(columns: string): string {
  return `(select row_to_json(item)::text from (select ${columns}) item)`;
}

/**
 * The JSON of an object whose members are JSON already, as text. Quicker than jsonRow, where PostgreSQL has to look up the types of the
 * columns for each row, which is most of what a page of a list costs.
 */
export function jsonObject(members: Record<string, string>): string {
  const template = Object.keys(members).map((name) => `"${name}":%s`);
  return `format('{${template.join(',')}}', ${Object.values(members).join(', ')})`;
}

/** The JSON of any value but null. */
export function json(value: string): string {
  return `to_json(${value})`;
}

/** The JSON of a value whose text needs no more than quotes: an id, a time, one of a few words. */
export function quoted(value: string): string {
  return `'"' || ${value} || '"'`;
}

/** JSON where what it was made from may be null. */
export function orNull(value: string): string {
  return `coalesce(${value}, 'null')`;
}

export function truth(condition: string): string {
  return `case when ${condition} then 'true' else 'false' end`;
}

/** The JSON of a person by id and the row of theirs, as `users` under this alias, that a left join found or did not. */
export function person(id: string, alias: string): string {
  return jsonObject({
    id: quoted(id),
    username: orNull(`${json(`${alias}.username`)}::text`),
    full_name: json(`coalesce(${alias}.full_name, '${deletedUser}')`),
  });
}
