import pg from 'pg';

export const DATABASE = 'tasktrail';

export type Access = { readonly socketDirectory: string; readonly password: string };

/** The embedded server's address for a user and a database; whatever PG* variables say, port and sslmode are its own. */
export function connectionStringTo({ socketDirectory, password }: Access, user: string, database: string): string {
  return `postgres://${user}:${password}@${encodeURIComponent(socketDirectory)}:5432/${database}?sslmode=disable`;
}

/**
 * Makes the role and the database of the service where they are missing. The role owns the database and is no superuser, so that
 * nothing sent through the service can read files or run programs.
 */
export function provision(access: Access): Promise<void> {
  return asSuperuser(access, 'postgres', async (client) => {
    const { rows } = await client.query<{ role: boolean; database: boolean }>(
      `select exists (select from pg_roles where rolname = '${DATABASE}') as role,
              exists (select from pg_database where datname = '${DATABASE}') as database`,
    );
    if (!rows[0]?.role) await client.query(`create role ${DATABASE} login password ${client.escapeLiteral(access.password)}`);
    if (!rows[0]?.database) await client.query(`create database ${DATABASE} owner ${DATABASE}`);
  });
}

/** Does it on a connection of the embedded server's superuser. */
export async function asSuperuser(access: Access, database: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: connectionStringTo(access, 'postgres', database), connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  await work(client).finally(() => client.end());
}
