import type pg from 'pg';
import { createQueries, type Queries } from '../../src/queries/queries.ts';
import type { ReadSchemas } from '../../src/queries/read-tables.ts';

export interface Statement {
  text: string;
  values: unknown[];
  name?: string;
}

/** All statements that a query of the read side sends, as it is answered; of one that fails, those up to there. */
export async function statementsOf(
  client: Pick<pg.ClientBase, 'query'>,
  schemas: ReadSchemas,
  ask: (queries: Queries) => Promise<unknown>,
): Promise<Statement[]> {
  const sent: Statement[] = [];
  const pool = {
    options: { max: 1 },
    query({ text, values, name }: Statement) {
      sent.push({ text, values, ...(name !== undefined && { name }) });
      return client.query({ text, values });
    },
  };
  await ask(createQueries({ pool: pool as unknown as pg.Pool, schemas })).catch((error: unknown) => {
    if (sent.length === 0) throw error;
  });
  return sent;
}

/** Where the read models are just now. */
export async function liveSchemas(pool: pg.Pool): Promise<ReadSchemas & { names: Record<string, string> }> {
  const { rows } = await pool.query<{ name: string; schema: string }>(
    `select distinct on (name) name, format('%s_v%s_g%s', name, version, generation) as schema from projections.generations
     where state = 'live' order by name, version desc`,
  );
  const names = Object.fromEntries(rows.map(({ name, schema }) => [name, schema]));
  const of = (name: string) => () => names[name]!;
  return { names, listing: of('listing'), activity: of('activity'), history: of('history'), feed: of('feed') };
}
