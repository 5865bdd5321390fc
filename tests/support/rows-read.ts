import type pg from 'pg';

interface Plan {
  'Node Type': string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  Plans?: Plan[];
}

/** How many rows a statement reads from tables and indexes, by the plan that it was carried out with. What it writes is taken back. */
export async function rowsRead(pool: pg.Pool, text: string, values: readonly unknown[]): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const { rows } = await client.query(`explain (analyze, format json) ${text}`, [...values]);
    return scanned(rows[0]['QUERY PLAN'][0].Plan);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

function scanned(plan: Plan): number {
  const own = plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0) + (plan['Rows Removed by Index Recheck'] ?? 0);
  const isScan = /Scan$/.test(plan['Node Type']) && plan['Node Type'] !== 'CTE Scan';
  return (isScan ? own * plan['Actual Loops'] : 0) + (plan.Plans ?? []).reduce((sum, child) => sum + scanned(child), 0);
}
