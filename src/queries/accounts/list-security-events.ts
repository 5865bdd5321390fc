import { type RawBuilder, sql } from 'kysely';
import { KEPT_DAYS, type SecurityEventKind } from '../../accounts/security-event.ts';
import { jsonRow, person, utcTime } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface SecurityEventFilters {
  kind?: readonly SecurityEventKind[] | undefined;
  /** Whose account it was about, or who was refused. */
  userId?: string | undefined;
  /** ISO times with milliseconds, both included. */
  occurred?: { after?: string | undefined; before?: string | undefined } | undefined;
}

/** What is kept of how the service was misused, newest first. Whether the reader may see it is for the caller to know. @throws Rejection INVALID_CURSOR */
export function listSecurityEvents(
  db: ReadDatabase,
  tables: ReadTables,
  filters: SecurityEventFilters,
  request: PageRequest,
): Promise<Page> {
  const { securityEvents, users } = tables;
  const where = sql`${securityEvents} e where ${sql.join(conditions(filters), sql` and `)}`;
  return readPage(
    db,
    {
      matching: sql`select e.id, e.occurred_at as key from ${where}`,
      descending: true,
      keyType: keyTypes.time,
      idType: keyTypes.uuid,
      item: securityEventItem,
      joins: sql`join ${securityEvents} e on e.id = shown.id left join ${users} u on u.id = e.user_id left join ${users} a on a.id = e.actor_id`,
      total: sql`select count(*) from ${where}`,
      list: ['security events', filters],
    },
    request,
  );
}

function conditions({ kind, userId, occurred }: SecurityEventFilters): RawBuilder<unknown>[] {
  // What is older may wait for its housekeeping.
  const all = [sql`e.occurred_at >= now() - interval ${sql.lit(`${KEPT_DAYS} days`)}`];
  if (kind) all.push(sql`e.kind = any(${kind}::text[])`);
  if (userId !== undefined) all.push(sql`e.user_id = ${userId}::uuid`);
  // What happened again within a minute is told as one, which lasted until then.
  if (occurred?.after !== undefined) all.push(sql`e.last_occurred_at >= ${occurred.after}::timestamptz`);
  if (occurred?.before !== undefined) all.push(sql`e.occurred_at <= ${occurred.before}::timestamptz`);
  return all;
}

const personOrNull = (id: string, alias: string) => `case when ${id} is not null then (${person(id, alias)})::json end`;

const securityEventItem: RawBuilder<string> = sql.raw(
  jsonRow(`e.id, e.kind, ${utcTime('e.occurred_at')} as occurred_at, ${utcTime('e.last_occurred_at')} as last_occurred_at, e.count,
  ${personOrNull('e.user_id', 'u')} as user, ${personOrNull('e.actor_id', 'a')} as actor, e.ip, e.code, e.method, e.path, e.request_id, e.details`),
);
