import type pg from 'pg';

/** Takes on, for this transaction, the role that owns a schema; nothing happens where that is this one, or there is no such schema. */
export async function takeRoleOfOwner(client: pg.ClientBase, schema: string): Promise<void> {
  const { rows } = await client.query<{ owner: string }>(
    `select nspowner::regrole::text as owner from pg_namespace
     where nspname = $1 and nspowner <> current_user::regrole and pg_has_role(nspowner, 'member')`,
    [schema],
  );
  if (rows[0]) await client.query(`set local role ${rows[0].owner}`);
}
