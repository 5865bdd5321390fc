import { type RawBuilder, sql } from 'kysely';
import { nameCollation } from '../../platform/text/schema.ts';
import type { AsOf } from '../history/as-of.ts';
import { haveFewChangedSince, type PastQuery, pastTags } from '../history/past-counts.ts';
import { json, jsonObject } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { type PagedList, readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import { countersOf, type Reader } from './task-scope.ts';

export interface TagList {
  reader: Reader;
  /** As it was then; as it is, when left out. */
  asOf?: AsOf | undefined;
}

/** The tags on all tasks that the reader has access to, the most used first, then by name. @throws Rejection INVALID_CURSOR */
export async function listTags(db: ReadDatabase, tables: ReadTables, { reader, asOf }: TagList, request: PageRequest): Promise<Page> {
  if (asOf) {
    const past: PastQuery = { scope: 'all', reader, asOf };
    return readPage(db, pastList(tables, past, await haveFewChangedSince(db, tables, past)), request);
  }
  const counted = sql`from ${tables.counters} c where ${countersOf('all', reader)}`;
  return readPage(
    db,
    {
      matching: sql`select c.key collate ${sql.raw(nameCollation)} as id, -sum(c.n)::bigint as key ${counted} and c.facet = 'tag' group by c.key`,
      ...listOfTags,
      joins: sql`cross join lateral (select coalesce(sum(c.n), 0) as completed ${counted} and c.facet = 'tag_done' and c.key = shown.id) done`,
      prepared: true,
      list: ['tags'],
    },
    request,
  );
}

const tagItem: RawBuilder<string> = sql.raw(jsonObject({ tag: json('shown.id'), count: '-shown.key', completed: 'done.completed' }));

const listOfTags = { descending: false, keyType: keyTypes.position, idType: keyTypes.text, item: tagItem } as const;

function pastList(tables: ReadTables, past: PastQuery, fewChanged: boolean): PagedList {
  return {
    ...listOfTags,
    matching: pastTags(tables, past, fewChanged),
    // Counted once: what matches is kept.
    joins: sql`join matching done on done.id = shown.id`,
    list: ['tags', past.asOf],
  };
}
