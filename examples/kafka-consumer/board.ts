import type { ClientBase, Pool } from 'pg';

/** What this consumer needs of a message: attributes come as headers, the rest as the value. */
export interface TaskEvent {
  id: string;
  type: string;
  revision: number;
  /** Undefined for an event about an account. */
  task: { id: string; title: string | null; status: string } | undefined;
}

/** A message of the topic, as its headers and its value tell it. */
export function taskEvent(headers: Readonly<Record<string, unknown>>, value: Buffer | null): TaskEvent {
  const attribute = (name: string) => String(headers[`ce_${name}`]);
  const { task } = JSON.parse(String(value)) as Pick<TaskEvent, 'task'>;
  return { id: attribute('id'), type: attribute('type'), revision: Number(attribute('revision')), task };
}

/**
 * Handles an event exactly once, however often it comes, and whoever else is at it: the inbox row and the effect are one transaction, and
 * a second one with the same id waits for the first and then does nothing.
 * @returns whether it was this call that did it
 */
export async function handleOnce(pool: Pool, event: TaskEvent): Promise<boolean> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const { rowCount } = await client.query('insert into inbox (event_id) values ($1) on conflict do nothing', [event.id]);
    if (rowCount === 1) await putOnBoard(client, event);
    await client.query('commit');
    return rowCount === 1;
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    // A connection in the middle of a transaction is closed, not given back.
    client.release(broken);
  }
}

/** What is older than the row is left out: the inbox may have been emptied of it meanwhile. */
async function putOnBoard(client: ClientBase, { revision, task }: TaskEvent): Promise<void> {
  if (task === undefined) return;
  await client.query(
    `insert into board (task_id, title, status, revision, changes) values ($1, $2, $3, $4, 1)
     on conflict (task_id) do update set title = $2, status = $3, revision = $4, changes = board.changes + 1 where board.revision < $4`,
    [task.id, task.title, task.status, revision],
  );
}
