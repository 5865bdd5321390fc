import type pg from 'pg';
import type { DataSet } from '../data/data-set.ts';
import type { Subject } from './cases.ts';

/** What to ask a data set about, the same for the same data. */
export async function subjectOf(pool: pg.Pool, { people }: DataSet, schemas: Record<string, string>): Promise<Subject> {
  const { rows } = await pool.query<{ head: string }>('select max(position) as head from event_log.events');
  const head = BigInt(rows[0]!.head);
  const { rows: tasks } = await pool.query<{ task_id: string; operation_id: string; request_id: string }>(
    `select task_id, operation_id, request_id from ${schemas.activity}.activity y
     where task_id is not null and position > $1 order by revision desc, position limit 1`,
    [(head - 2_000n).toString()],
  );
  const { task_id: taskId, operation_id: operationId, request_id: requestId } = tasks[0]!;
  return { people, head, halfway: (head / 2n).toString(), late: ((head * 98n) / 100n).toString(), taskId, operationId, requestId };
}
