import { type RawBuilder, sql } from 'kysely';
import { fold, nameCollation } from '../../platform/text/schema.ts';
import { person } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

export interface PeopleList {
  /** Who asks, and is not listed. */
  readerId: string;
  /** The beginning of a username or of a word of a full name, whatever its case and accents; everyone when left out. */
  search?: string | undefined;
}

/** Active users by username. Whether the reader may see all of them is for the caller to know. @throws Rejection INVALID_CURSOR */
export function listPeople(db: ReadDatabase, { users }: ReadTables, list: PeopleList, request: PageRequest): Promise<Page> {
  const where = sql`${users} u where ${sql.join(conditions(list), sql` and `)}`;
  return readPage(
    db,
    {
      matching: sql`select u.id, u.username collate ${sql.raw(nameCollation)} as key from ${where}`,
      descending: false,
      keyType: { ...keyTypes.text, sqlType: `text collate ${nameCollation}` },
      idType: keyTypes.uuid,
      item: sql.raw(person('u.id', 'u')),
      joins: sql`join ${users} u on u.id = shown.id`,
      total: sql`select count(*) from ${where}`,
      list: ['people', list.search ?? null],
    },
    request,
  );
}

function conditions({ readerId, search }: PeopleList): RawBuilder<unknown>[] {
  const all = [sql`u.is_active`, sql`u.id <> ${readerId}::uuid`];
  // Looked for as text, not as a pattern: nothing in it has a meaning. A hyphen begins a word, as in a double name.
  const folded = (text: RawBuilder<unknown>) => sql`translate(${sql.raw(fold)}(${text}), '-', ' ')`;
  if (search !== undefined) {
    const wanted = sql`${search}::text`;
    const isWordOfName = sql`strpos(' ' || ${folded(sql`u.full_name`)}, ' ' || ${folded(wanted)}) > 0`;
    all.push(sql`(starts_with(u.username, lower(${wanted})) or ${isWordOfName})`);
  }
  return all;
}
