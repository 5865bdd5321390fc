import type { EventContext } from '../events/metadata.ts';
import type { UserEvent } from '../events/user/user-events.ts';
import type { Sql } from './database.ts';

/**
 * Puts what happened to an account on its way into the log, in the transaction that makes it happen. The place in the account's stream
 * is given here, under the lock of the account's row: so the events of one account are numbered in the order of their commits.
 */
export async function recordUserEvents(sql: Sql, userId: string, events: readonly UserEvent[], context: EventContext): Promise<void> {
  await sql.rows(
    `with owner as (
       update accounts.users set log_revision = log_revision + $2 where id = $1 returning log_revision - $2 + 1 as first_revision
     )
     insert into accounts.outbox (user_id, revision, events, context) select $1, first_revision, $3, $4 from owner`,
    [userId, events.length, JSON.stringify(events), JSON.stringify(context)],
  );
}
