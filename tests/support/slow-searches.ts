import type pg from 'pg';

/** What to search for when the database is to take its time. */
export const slowWord = 'snail';

/** From now on a search for `slowWord` keeps the database busy for a minute; everything else is as before. */
export async function slowDownSearches(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ schema: string }>(
    `select format('%s_v%s_g%s', name, version, generation) as schema from projections.generations where name = 'listing' and state = 'live'`,
  );
  const { schema } = rows[0]!;
  await pool.query(`alter function ${schema}.search_query(text, boolean, boolean) rename to plain_search_query;
    create function ${schema}.search_query(term text, is_phrase boolean, is_of_task boolean) returns tsquery language plpgsql stable as $$
      begin
        if term = '${slowWord}' then perform pg_sleep(60); end if;
        return ${schema}.plain_search_query(term, is_phrase, is_of_task);
      end $$`);
}

/** How many statements of reads are running now. */
export async function runningReads(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ n: number }>(
    `select count(*)::int as n from pg_stat_activity
      where datname = current_database() and application_name = 'tasktrail reads' and state = 'active'`,
  );
  return rows[0]!.n;
}
