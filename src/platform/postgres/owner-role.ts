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

/** Does it in a transaction as the owner of a schema: what a tool changes in tables that the serving role only adds to. */
export async function asOwnerOf<T>(pool: pg.Pool, schema: string, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    await takeRoleOfOwner(client, schema);
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
