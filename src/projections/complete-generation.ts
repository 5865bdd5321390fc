import { inTransaction } from '../platform/postgres/transaction.ts';
import type { Writer } from './apply-group.ts';
import { type Checkpoint, markComplete } from './checkpoint.ts';
import { waiting } from './projection-client.ts';

/**
 * Gives a generation that has all events what it was made without. It takes a while, and is one transaction: when it is ended in the
 * middle, it is done anew.
 */
export async function completeGeneration({ client, projection, signal }: Writer, at: Checkpoint): Promise<Checkpoint> {
  // Ends the statement that is being waited for too.
  const end = () => void client.end().catch(() => {});
  signal.addEventListener('abort', end);
  try {
    signal.throwIfAborted();
    await inTransaction(client, async () => {
      // Without workers beside it, so that a processor is left for those who read and write meanwhile.
      await client.query(`set local maintenance_work_mem = '256MB'; set local max_parallel_maintenance_workers = 0`);
      await projection.complete?.(waiting(client));
      await client.query(projection.indexes ?? '');
      // Readers come at once, and their plans are made from what is known of the rows.
      const { rows } = await client.query<{ name: string }>(
        'select quote_ident(tablename) as name from pg_tables where schemaname = current_schema()',
      );
      if (rows.length > 0) await client.query(`analyze ${rows.map(({ name }) => name).join(', ')}`);
      await markComplete(client, projection, at);
    });
  } finally {
    signal.removeEventListener('abort', end);
  }
  return { ...at, isComplete: true };
}
