import { v7 as uuidv7 } from 'uuid';
import type { Database, Sql } from '../accounts/database.ts';
import { Rejection } from '../rejection.ts';
import type { InboxKind } from './notices.ts';

/** What goes into somebody's inbox: by ids alone, and words of a closed list. */
export interface NewNotification {
  userId: string;
  kind: InboxKind;
  /** Of the event that it tells of, or made of what it tells of: each person is told once. */
  sourceId: string;
  /** The stored name of the event; null where there is none. */
  eventType: string | null;
  taskId: string | null;
  revision: number | null;
  /** Null for the service itself. */
  actorId: string | null;
  details: Readonly<Record<string, string>>;
  /** When what it tells of happened. */
  at: string;
}

/** People's inboxes. All throw DatabaseUnavailable. */
export interface Inbox {
  /** Marks these, or all there are, as read. @throws Rejection NOTIFICATION_NOT_FOUND, and nothing is marked, when one is not theirs */
  markRead(userId: string, which: readonly string[] | 'all'): Promise<void>;
  /** Forgets what was read, or written, long ago. */
  tidy(): Promise<void>;
}

/** Days: of what was read, since then; of what never was, since it was written. */
const KEPT_READ = 90;
const KEPT_UNREAD = 365;

/** Puts them into the inboxes; those that are there are not put there again. */
export async function putInInboxes(sql: Sql, notifications: readonly NewNotification[]): Promise<void> {
  if (notifications.length === 0) return;
  await sql.rows(put, [JSON.stringify(notifications.map((one) => ({ ...one, id: uuidv7() })))]);
}

export function createInbox(database: Database): Inbox {
  return {
    async markRead(userId, which) {
      if (which === 'all') return void (await database.rows(markAll, [userId]));
      const ids = [...new Set(which)];
      const [{ found }] = (await database.rows<{ found: number }>(markSome, [userId, ids])) as [{ found: number }];
      if (found < ids.length) throw new Rejection('NOTIFICATION_NOT_FOUND', 'There is no such notification');
    },
    tidy: async () => void (await database.rows(tidy)),
  };
}

const put = `
  insert into notifications.inbox (id, user_id, source_id, kind, event_type, task_id, revision, actor_id, details, created_at)
  select id, "userId", "sourceId", kind, "eventType", "taskId", revision, "actorId", details, at
    from json_to_recordset($1::json) as told (id uuid, "userId" uuid, "sourceId" uuid, kind text, "eventType" text, "taskId" uuid,
      revision integer, "actorId" uuid, details jsonb, at timestamptz)
  on conflict do nothing`;

const markAll = 'update notifications.inbox set read_at = now() where user_id = $1 and read_at is null';

const markSome = `
  with theirs as (select id from notifications.inbox where user_id = $1 and id = any($2)),
  marked as (
    update notifications.inbox set read_at = now()
     where id in (select id from theirs) and read_at is null and (select count(*) from theirs) = cardinality($2::uuid[])
  )
  select count(*)::integer as found from theirs`;

const tidy = `
  delete from notifications.inbox
   where read_at < now() - interval '${KEPT_READ} days' or (read_at is null and created_at < now() - interval '${KEPT_UNREAD} days')`;
