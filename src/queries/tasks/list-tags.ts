import { type RawBuilder, sql } from 'kysely';
import { json, jsonObject } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import { countersOf, type Reader } from './task-scope.ts';

/** The tags on all tasks that the reader has access to, the most used first, then by name. @throws Rejection INVALID_CURSOR */
export function listTags(db: ReadDatabase, tables: ReadTables, reader: Reader, request: PageRequest): Promise<Page> {
  const counted = sql`from ${tables.counters} c where ${countersOf('all', reader)}`;
  return readPage(
    db,
    {
      matching: sql`select c.key collate "C" as id, -sum(c.n)::bigint as key ${counted} and c.facet = 'tag' group by c.key`,
      descending: false,
      keyType: keyTypes.position,
      idType: keyTypes.text,
      item: tagItem,
      joins: sql`cross join lateral (select coalesce(sum(c.n), 0) as completed ${counted} and c.facet = 'tag_done' and c.key = shown.id) done`,
      prepared: true,
      list: ['tags'],
    },
    request,
  );
}

const tagItem: RawBuilder<string> = sql.raw(jsonObject({ tag: json('shown.id'), count: '-shown.key', completed: 'done.completed' }));
