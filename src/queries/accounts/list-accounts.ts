import { type RawBuilder, sql } from 'kysely';
import type { Role } from '../../events/values.ts';
import { fold } from '../../platform/text/schema.ts';
import { jsonRow, utcTime } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface AccountFilters {
  /** Part of a username, a name or an e-mail address, whatever its case and accents. */
  search?: string | undefined;
  role?: Role | undefined;
  isActive?: boolean | undefined;
}

/** All accounts that are not erased, the newest first. Whether the reader may see them is for the caller to know. @throws Rejection INVALID_CURSOR */
export function listAccounts(db: ReadDatabase, { users }: ReadTables, filters: AccountFilters, request: PageRequest): Promise<Page> {
  const where = sql`${users} u where ${sql.join(conditions(filters), sql` and `)}`;
  return readPage(
    db,
    {
      matching: sql`select u.id, u.created_at as key from ${where}`,
      descending: true,
      keyType: keyTypes.time,
      idType: keyTypes.uuid,
      item: accountItem,
      joins: sql`join ${users} u on u.id = shown.id`,
      total: sql`select count(*) from ${where}`,
      list: ['accounts', filters],
    },
    request,
  );
}

function conditions({ search, role, isActive }: AccountFilters): RawBuilder<unknown>[] {
  const all = [sql`u.erased_at is null`];
  // Looked for as text, not as a pattern: nothing in it has a meaning.
  if (search) {
    const found = ['u.username', 'u.full_name', 'u.email'].map(
      (text) => sql`strpos(${sql.raw(`${fold}(${text})`)}, ${sql.raw(fold)}(${search}::text)) > 0`,
    );
    all.push(sql`(${sql.join(found, sql` or `)})`);
  }
  if (role !== undefined) all.push(sql`u.role = ${role}`);
  if (isActive !== undefined) all.push(sql`u.is_active = ${isActive}`);
  return all;
}

const accountItem: RawBuilder<string> = sql.raw(
  jsonRow(
    `u.id, u.email, u.username, u.full_name, u.role, u.is_active, u.email_verified, u.timezone, ${utcTime('u.created_at')} as created_at`,
  ),
);
