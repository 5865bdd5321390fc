import type pg from 'pg';
import { translated } from '../postgres/connection-failure.ts';
import { retryingConflicts } from '../postgres/retry-conflicts.ts';

/** What is to be mailed, by ids alone. */
export interface NewMail {
  /** Says how it is rendered. */
  kind: string;
  /** Of the event, or the link, that it tells of: each recipient is told once. */
  sourceId: string;
  /** Null for a mail that is sent to nobody. */
  userId: string | null;
  /** Ids by which the renderer finds what it tells of. */
  about?: Readonly<Record<string, string | number>>;
  /** The other user whose action causes it, where that is counted. */
  causedBy?: string;
}

export interface QueuedMail extends Required<Omit<NewMail, 'causedBy'>> {
  id: string;
  queuedAt: Date;
  attempts: number;
}

export type MailOutcome = 'sent' | 'dropped' | 'refused' | 'expired';

/** What waits, and what could not be sent so far. */
export interface MailBacklog {
  waiting: number;
  /** When the oldest of those that could not be sent was queued. */
  oldest: Date | null;
  /** To how many people those go: mails to one address may fail because of that address. */
  recipients: number;
}

/** Whatever runs statements, in a transaction or out of it. */
export interface Statements {
  rows<R>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

/**
 * Puts a mail on its way, in the caller's transaction: whoever commits it wakes the outbox. One that is there already, sent or not, is not
 * put there again.
 */
export function queueMail(sql: Statements, mail: NewMail): Promise<void> {
  return queueMails(sql, [mail]);
}

/** The same for several. */
export async function queueMails(sql: Statements, mails: readonly NewMail[]): Promise<void> {
  if (mails.length === 0) return;
  await sql.rows(queue, [JSON.stringify(mails.map((mail) => ({ about: {}, ...mail })))]);
}

/** The rows of the outbox. All throw DatabaseUnavailable. */
export interface OutboxTable {
  /** Takes some that are due, for so many milliseconds. */
  claim(kinds: readonly string[], most: number, lease: number): Promise<QueuedMail[]>;
  settle(id: string, outcome: MailOutcome, error?: string): Promise<void>;
  /** Lets it wait, for so many milliseconds. */
  postpone(id: string, wait: number, error: string | null): Promise<void>;
  /** Forgets what was settled long ago. */
  tidy(): Promise<void>;
  backlog(): Promise<MailBacklog>;
}

export function createOutboxTable(pool: pg.Pool): OutboxTable {
  const rows = async <R>(text: string, values: unknown[] = []): Promise<R[]> => {
    const result = await retryingConflicts(() => pool.query({ text, values, query_timeout: 10_000 } as pg.QueryConfig)).catch((error) => {
      throw translated(error);
    });
    return result.rows as R[];
  };
  return {
    claim: (kinds, most, lease) => rows(claim, [kinds, most, lease]),
    settle: async (id, outcome, error) => void (await rows(settle, [id, outcome, error ?? null])),
    postpone: async (id, wait, error) => void (await rows(postpone, [id, wait, error])),
    tidy: async () => void (await rows(tidy)),
    backlog: async () => (await rows<MailBacklog>(backlog))[0]!,
  };
}

const queue = `
  insert into notifications.mail_outbox (kind, source_id, user_id, about, caused_by)
  select kind, "sourceId", "userId", about, "causedBy"
    from json_to_recordset($1::json) as queued (kind text, "sourceId" uuid, "userId" uuid, about jsonb, "causedBy" uuid)
  on conflict do nothing`;

// In turn between those who caused them: the first of each before the second of any. What no other user caused is its recipient's. Looking
// at the oldest is enough, because one user causes a hundred an hour.
const claim = `
  with oldest as (
    select id, caused_by, user_id, due_at from notifications.mail_outbox
     where outcome is null and due_at <= now() and kind = any($1)
     order by due_at limit 1000
  ), in_turn as (
    select id, row_number() over (partition by coalesce(caused_by, user_id) order by due_at, id) as turn from oldest
  )
  update notifications.mail_outbox set due_at = now() + $3 * interval '1 millisecond', attempts = attempts + 1
   where id in (select mail.id from notifications.mail_outbox mail join in_turn using (id)
                 where mail.outcome is null and mail.due_at <= now()
                 order by in_turn.turn, mail.due_at limit $2 for update of mail skip locked)
  returning id, kind, source_id as "sourceId", user_id as "userId", about, queued_at as "queuedAt", attempts`;

const settle = `
  update notifications.mail_outbox set outcome = $2, error = $3, settled_at = now() where id = $1 and outcome is null`;

const postpone = `
  update notifications.mail_outbox set due_at = now() + $2 * interval '1 millisecond', error = $3 where id = $1 and outcome is null`;

// Longer than any event is told again.
const tidy = `delete from notifications.mail_outbox where outcome is not null and settled_at < now() - interval '30 days'`;

// What waits for its hour, as behind somebody's quiet hours, is not late.
const backlog = `
  select count(*)::integer as waiting, min(queued_at) filter (where attempts > 0 and error is not null) as oldest,
    count(distinct user_id) filter (where attempts > 0 and error is not null)::integer as recipients
    from notifications.mail_outbox where outcome is null`;
