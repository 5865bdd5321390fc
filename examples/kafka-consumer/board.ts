import type { ClientBase, Pool } from 'pg';

/** What this consumer needs of a message: attributes come as headers, the rest as the value. */
export interface TaskEvent {
  id: string;
  type: string;
  revision: number;
  /** Undefined for an event about an account. The title of a task that was erased with its owner is null. */
  task: { id: string; title: string | null; status: string } | undefined;
}

/**
 * A message of the topic, as its headers and its value say it; null for one that is no event: a tombstone, as compaction and operators leave
 * them, has no value, and whatever else is on the topic has no `ce_id` or is no JSON object.
 */
export function taskEvent(headers: Readonly<Record<string, unknown>>, value: Buffer | null): TaskEvent | null {
  const attribute = (name: string) => headers[`ce_${name}`]?.toString();
  const [id, type, revision] = [attribute('id'), attribute('type'), Number(attribute('revision'))];
  const data = value === null ? null : parsed(value);
  if (id === undefined || type === undefined || !Number.isInteger(revision) || data === null) return null;
  return { id, type, revision, task: data.task };
}

function parsed(value: Buffer): Pick<TaskEvent, 'task'> | null {
  try {
    const data: unknown = JSON.parse(value.toString());
    return typeof data === 'object' && data !== null ? (data as Pick<TaskEvent, 'task'>) : null;
  } catch {
    return null;
  }
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
async function putOnBoard(client: ClientBase, { type, revision, task }: TaskEvent): Promise<void> {
  if (task === undefined) return;
  const change = deletion[type];
  await client.query(
    `insert into board (task_id, title, status, deleted, revision, changes) values ($1, $2, $3, coalesce($5, false), $4, 1)
     on conflict (task_id) do update
       set title = $2, status = $3, deleted = coalesce($5, board.deleted), revision = $4, changes = board.changes + 1
     where board.revision < $4`,
    [task.id, task.title, task.status, revision, change ?? null],
  );
}

/** The events that take a task off the board, and bring it back. An erasure deletes the tasks of its user, without their titles. */
const deletion: Readonly<Record<string, boolean>> = { 'tasktrail.task.deleted.v1': true, 'tasktrail.task.restored.v1': false };
