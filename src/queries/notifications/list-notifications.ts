import { type RawBuilder, sql } from 'kysely';
import { publicTypes } from '../../events/public-type.ts';
import { json, jsonObject, jsonRow, orNull, person, quoted, utcTime } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface NotificationList {
  reader: { id: string; isAdmin: boolean };
  unread?: boolean | undefined;
}

/** What somebody was told, newest first: with the names of today, and without the titles of what they may not see today. @throws Rejection INVALID_CURSOR */
export function listNotifications(
  db: ReadDatabase,
  tables: ReadTables,
  { reader, unread }: NotificationList,
  request: PageRequest,
): Promise<Page> {
  const { inbox } = tables;
  const read = unread === undefined ? sql`` : sql` and n.read_at is ${sql.raw(unread ? 'null' : 'not null')}`;
  const where = sql`${inbox} n where n.user_id = ${reader.id}::uuid${read}`;
  return readPage(
    db,
    {
      matching: sql`select n.id, n.created_at as key from ${where}`,
      descending: true,
      keyType: keyTypes.time,
      idType: keyTypes.uuid,
      item: notificationItem,
      joins: joined(tables, reader),
      total: sql`select count(*) from ${where}`,
      list: ['notifications', reader.id, unread],
    },
    request,
  );
}

/** A task that is deleted is seen by its owner and by admins. */
function joined({ inbox, tasks, access, users }: ReadTables, { isAdmin }: NotificationList['reader']): RawBuilder<unknown> {
  return sql`join ${inbox} n on n.id = shown.id left join ${users} a on a.id = n.actor_id
    left join ${tasks} t on t.id = n.task_id and (${isAdmin}::boolean or t.owner_id = n.user_id
      or exists (select from ${access} x where x.user_id = n.user_id and x.task_id = t.id))
    left join (values ${sql.join(Object.entries(publicTypes).map(([stored, told]) => sql`(${sql.lit(stored)}, ${sql.lit(told)})`))})
      as types (stored, told) on types.stored = n.event_type`;
}

const time = (column: string) => `case when ${column} is not null then ${utcTime(column)} end`;

const task = jsonObject({ id: quoted('n.task_id'), title: orNull(`${json("nullif(t.title, '')")}::text`) });

const notificationItem: RawBuilder<string> = sql.raw(
  jsonRow(`n.id, n.kind, types.told as type, case when n.event_type is not null then n.source_id end as event_id,
  case when n.task_id is not null then (${task})::json end as task,
  case when n.actor_id is not null then (${person('n.actor_id', 'a')})::json end as actor,
  n.revision, n.details, ${utcTime('n.created_at')} as created_at, ${time('n.read_at')} as read_at`),
);
