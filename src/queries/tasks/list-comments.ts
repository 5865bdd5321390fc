import { type RawBuilder, sql } from 'kysely';
import { deletedUser, json, jsonObject, orNull, person, quoted, truth, utcTime } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

/** The comments on a task that stand, oldest first. Whether the reader may see them is for the caller to know. @throws Rejection INVALID_CURSOR */
export function listComments(db: ReadDatabase, tables: ReadTables, taskId: string, request: PageRequest): Promise<Page> {
  const { comments, users } = tables;
  return readPage(
    db,
    {
      matching: sql`select m.id, m.created_at as key from ${comments} m where m.task_id = ${taskId}::uuid and m.standing`,
      descending: false,
      keyType: keyTypes.time,
      idType: keyTypes.uuid,
      item: commentItem,
      joins: sql`join ${comments} m on m.id = shown.id left join ${users} a on a.id = m.author_id
        cross join lateral (select coalesce(json_agg(json_build_object('id', n.id, 'username', coalesce(u.username, ${sql.lit(deletedUser)})) order by n.place), '[]') as named
          from unnest(m.mentions) with ordinality n (id, place) left join ${users} u on u.id = n.id) mentioned`,
      prepared: true,
      list: ['comments', taskId],
    },
    request,
  );
}

const commentItem: RawBuilder<string> = sql.raw(
  jsonObject({
    id: quoted('m.id'),
    task_id: quoted('m.task_id'),
    author: person('m.author_id', 'a'),
    content: `case when m.erased then 'null' else ${json('m.content')}::text end`,
    mentions: 'mentioned.named',
    created_at: quoted(utcTime('m.created_at')),
    updated_at: orNull(quoted(utcTime('m.edited_at'))),
    edited: truth('m.edited_at is not null'),
    erased: truth('m.erased'),
  }),
);
