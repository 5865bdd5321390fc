import { type RawBuilder, sql } from 'kysely';
import { json, jsonObject, person, quoted, truth, utcTime } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';

/** The files of a task, oldest first. Whether the reader may see them is for the caller to know. @throws Rejection INVALID_CURSOR */
export function listFiles(db: ReadDatabase, tables: ReadTables, taskId: string, request: PageRequest): Promise<Page> {
  const { files, users } = tables;
  return readPage(
    db,
    {
      matching: sql`select f.id, f.uploaded_at as key from ${files} f where f.task_id = ${taskId}::uuid and f.deleted_at is null`,
      descending: false,
      keyType: keyTypes.time,
      idType: keyTypes.uuid,
      item: fileItem,
      joins: sql`join ${files} f on f.id = shown.id left join ${users} a on a.id = f.uploaded_by`,
      prepared: true,
      list: ['files', taskId],
    },
    request,
  );
}

const fileItem: RawBuilder<string> = sql.raw(
  jsonObject({
    id: quoted('f.id'),
    task_id: quoted('f.task_id'),
    name: json('f.name'),
    size: 'f.size',
    content_type: json('f.content_type'),
    sha256: json('f.sha256'),
    uploaded_by: person('f.uploaded_by', 'a'),
    uploaded_at: quoted(utcTime('f.uploaded_at')),
    purged: truth('f.purged'),
  }),
);
