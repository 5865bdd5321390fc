import { type Status, statuses } from '../../events/values.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import { requireScope } from '../tasks/task-scope.ts';
import { type Ageing, type FlowCounts, type FlowQuery, flowCounts, type Spread } from './flow-counts.ts';

export type { FlowQuery, Spread };

export interface FlowStats {
  buckets: {
    start: string;
    created: number;
    completed: number;
    open: Record<Status, number>;
  }[];
  lead_time: Spread;
  cycle_time: Spread;
  time_in_status: Record<Status, Spread>;
  ageing: Ageing[];
}

/**
 * How work went through the workflow, told from the versions of the tasks that the reader may see now. At the end of each bucket what is
 * open is what lists and counts as of that moment have. @throws Rejection ADMIN_ONLY
 */
export async function flowStats(db: ReadDatabase, tables: ReadTables, query: FlowQuery): Promise<FlowStats> {
  requireScope(query.scope, query.reader);
  const [row] = await db.rows(flowCounts(tables, query));
  const { counts } = row!;
  return {
    buckets: bucketsOf(query.starts, counts),
    lead_time: counts.times.lead,
    cycle_time: counts.times.cycle,
    time_in_status: { ...inNone, ...counts.in_status },
    ageing: counts.ageing,
  };
}

const never: Spread = { p50: null, p85: null, p95: null, count: 0 };
const inNone = Object.fromEntries(statuses.map((status) => [status, never])) as Record<Status, Spread>;

function bucketsOf(starts: readonly string[], { came, went }: FlowCounts): FlowStats['buckets'] {
  const open = Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>;
  const [coming, going] = [Map.groupBy(came, ({ bucket }) => bucket), Map.groupBy(went, ({ bucket }) => bucket)];
  const pass = (bucket: number) => {
    for (const { status, n } of coming.get(bucket) ?? []) open[status] += n;
    for (const { status, n } of going.get(bucket) ?? []) open[status] -= n;
  };
  const sum = (bucket: number, of: 'created' | 'completed') => (coming.get(bucket) ?? []).reduce((all, move) => all + move[of], 0);
  pass(0);
  return starts.map((start, index) => {
    pass(index + 1);
    return { start, created: sum(index + 1, 'created'), completed: sum(index + 1, 'completed'), open: { ...open } };
  });
}
