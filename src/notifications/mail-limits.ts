import type { NewMail, Statements } from '../platform/mail/outbox-table.ts';

/** Mails an hour that the actions of one user cause: to one recipient, and in all. */
export const MAX_MAILS_TO_RECIPIENT = 10;
export const MAX_MAILS_CAUSED = 100;

/**
 * Leaves out what would be one too many: otherwise anyone who may mention or share makes the service send text of their own to others. The
 * inbox has all of it. Mails without a cause, as those about one's own account or what is due, are not counted. The count is of rows in the
 * database, which the one active instance of the subscriber writes: it is exact, and the same for all instances.
 */
export async function withinMailLimits(sql: Statements, mails: readonly NewMail[]): Promise<NewMail[]> {
  const causes = [...new Set(mails.flatMap(({ causedBy }) => causedBy ?? []))];
  if (causes.length === 0) return [...mails];
  const caused = new Map<string, number>();
  const add = (key: string, count: number) => caused.set(key, (caused.get(key) ?? 0) + count);
  for (const { cause, recipient, count } of await sql.rows<{ cause: string; recipient: string; count: number }>(countCaused, [causes])) {
    add(cause, count);
    add(`${cause} ${recipient}`, count);
  }
  return mails.filter(({ causedBy, userId }) => {
    if (causedBy === undefined) return true;
    const isWithin = (caused.get(causedBy) ?? 0) < MAX_MAILS_CAUSED && (caused.get(`${causedBy} ${userId}`) ?? 0) < MAX_MAILS_TO_RECIPIENT;
    if (isWithin) for (const key of [causedBy, `${causedBy} ${userId}`]) add(key, 1);
    return isWithin;
  });
}

// What its recipient did not want was not sent.
const countCaused = `
  select caused_by as cause, user_id as recipient, count(*)::integer as count from notifications.mail_outbox
   where caused_by = any($1) and queued_at > now() - interval '1 hour' and outcome is distinct from 'dropped'
   group by 1, 2`;
