import type pg from 'pg';
import type { Statement } from '../support/list-sql.ts';

export interface Plan {
  milliseconds: number;
  /** Pages of 8 KB that were looked at. */
  pages: number;
  /** The nodes that read tables, most pages first, as `Index Scan tasks_created (26)`: the rows that came out of it, all loops together. */
  reads: string[];
  /** Tables that grow and were read from one end to the other. */
  scanned: string[];
}

interface Node {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Shared Hit Blocks'?: number;
  'Shared Read Blocks'?: number;
  Plans?: Node[];
}

/** Those whose rows are as many as there are tasks, or events. */
const growing = [
  'tasks',
  'access',
  'presence',
  'last_changes',
  'task_states',
  'comments',
  'files',
  'activity',
  'versions',
  'comment_versions',
  'moments',
  'feed_events',
  'feed_tasks',
  'readers',
  'losses',
];

/** What PostgreSQL did for the statements of a query. */
export async function explain(client: pg.ClientBase, statements: readonly Statement[]): Promise<Plan> {
  const plans: { Plan: Node; 'Execution Time': number }[] = [];
  for (const { text, values } of statements) {
    const { rows } = await client.query(`explain (analyze, buffers, format json) ${text}`, values);
    plans.push(rows[0]['QUERY PLAN'][0]);
  }
  const nodes = plans.flatMap(({ Plan: root }) => [...allOf(root)]);
  const reading = nodes.filter((node) => node['Relation Name'] ?? node['Index Name']).sort((a, b) => pagesOf(b) - pagesOf(a));
  const scanned = nodes.filter(
    // Of an empty table no page is read.
    (node) => node['Node Type'] === 'Seq Scan' && growing.includes(node['Relation Name']!) && node['Actual Loops'] > 0 && pagesOf(node) > 0,
  );
  return {
    milliseconds: plans.reduce((sum, plan) => sum + plan['Execution Time'], 0),
    pages: plans.reduce((sum, { Plan: root }) => sum + pagesOf(root), 0),
    reads: reading.filter((node) => node['Actual Loops'] > 0).map(told),
    scanned: [...new Set(scanned.map((node) => node['Relation Name']!))],
  };
}

function* allOf(node: Node): Generator<Node> {
  yield node;
  for (const inner of node.Plans ?? []) yield* allOf(inner);
}

function told(node: Node): string {
  const rows = Math.round(node['Actual Rows'] * node['Actual Loops']);
  return `${node['Node Type']} ${node['Index Name'] ?? node['Relation Name']} (${rows})`;
}

function pagesOf(node: Node): number {
  return (node['Shared Hit Blocks'] ?? 0) + (node['Shared Read Blocks'] ?? 0);
}
