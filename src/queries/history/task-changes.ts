import { isDeepStrictEqual } from 'node:util';
import { type RawBuilder, sql } from 'kysely';
import type { FieldChange } from '../../events/task/changes.ts';
import { changesSeen } from '../../events/task/shares-seen.ts';
import type { Status } from '../../events/values.ts';
import { json, jsonObject, orNull, quoted, truth, utcTime } from '../json-values.ts';
import { keyTypes } from '../key-type.ts';
import type { Page, PageRequest } from '../page.ts';
import { type PagedList, readPage } from '../paged-list.ts';
import type { ReadDatabase } from '../read-database.ts';
import type { ReadTables } from '../read-tables.ts';
import { type Reader, versionsSeen } from '../tasks/task-scope.ts';
import { type AsOf, validAt, versionAt } from './as-of.ts';

/** What is different between two positions of the log, of all tasks that somebody may see now: an admin everybody's. */
export interface ChangesQuery {
  reader: Reader;
  from: AsOf;
  to: AsOf;
  /** This task alone. */
  taskId?: string | undefined;
}

export type ChangeKind = 'created' | 'changed' | 'finished' | 'reopened' | 'deleted' | 'restored';

export interface TaskChange {
  task_id: string;
  /** As it was at the second position. */
  title: string;
  kind: ChangeKind;
  changes: FieldChange[];
}

/**
 * The tasks that are different, the last changed first. One that was there at neither position, or is as it was, is not among them.
 * @throws Rejection INVALID_CURSOR
 */
export async function listTaskChanges(db: ReadDatabase, tables: ReadTables, query: ChangesQuery, request: PageRequest): Promise<Page> {
  const page = await readPage(db, pagedChanges(tables, query), request);
  const items = JSON.parse(`[${page.items}]`) as TwoVersions[];
  return { ...page, items: items.map((item) => JSON.stringify(changeOf(item, query.reader))).join(',') };
}

interface Version {
  status: Status;
  title: string;
  shares: Record<string, string>;
  deleted: boolean;
  [field: string]: unknown;
}

interface TwoVersions {
  id: string;
  /** Of the moment, whatever the versions say; null where the task is not known any more. */
  owner: string | null;
  before: Version | null;
  after: Version;
}

/** What a version says, under the names that changes have. The last versions of what is compared first are most often different. */
const fields = ['title', 'description', 'status', 'priority', 'tags', 'due_date', 'completed_at', 'owner_id', 'assignee_id', 'shares'];
const counted = ['comment_count', 'file_count'];

const valuesOf = (alias: string) =>
  sql.raw(`(${[...fields, ...counted].map((field) => `${alias}.${field}`).join(', ')}, ${alias}.deleted_at is null)`);

const versionOf = (v: string) =>
  jsonObject({
    title: json(`${v}.title`),
    description: json(`${v}.description`),
    status: quoted(`${v}.status`),
    priority: quoted(`${v}.priority`),
    tags: json(`${v}.tags`),
    due_date: orNull(`${json(`${v}.due_date`)}::text`),
    completed_at: orNull(quoted(utcTime(`${v}.completed_at`))),
    owner_id: quoted(`${v}.owner_id`),
    assignee_id: orNull(quoted(`${v}.assignee_id`)),
    shares: `${v}.shares::text`,
    comment_count: `${v}.comment_count`,
    file_count: `${v}.file_count`,
    deleted: truth(`${v}.deleted_at is not null`),
  });

const item: RawBuilder<string> = sql.raw(
  jsonObject({
    id: quoted('t.id'),
    owner: orNull(quoted('k.owner_id')),
    before: `case when f.id is null then 'null' else ${versionOf('f')} end`,
    after: versionOf('t'),
  }),
);

/** A task is different if its version at the second position is of after the first. */
function pagedChanges(tables: ReadTables, { reader, from, to, taskId }: ChangesQuery): PagedList {
  const { versions } = tables;
  const before = sql`left join lateral ${versionAt(versions, sql`t.id`, from)} f on true`;
  const visible = reader.isAdmin ? versions : versionsSeen(tables, reader);
  return {
    matching: sql`select t.id, t.valid_from as key from ${visible} t ${before}
where t.valid_from > ${from}::bigint and ${validAt('t', to)} ${taskId === undefined ? sql`` : sql`and t.id = ${taskId}::uuid`}
  and (t.deleted_at is null or f.deleted_at is null and f.id is not null)
  and (f.id is null or ${valuesOf('f')} is distinct from ${valuesOf('t')})`,
    descending: true,
    keyType: keyTypes.position,
    idType: keyTypes.uuid,
    item,
    joins: sql`join ${versions} t on t.id = shown.id and t.valid_from = shown.key ${before} left join ${tables.tasks} k on k.id = t.id`,
    list: ['changes', from, to, taskId ?? null, reader.isAdmin],
  };
}

function changeOf({ id, owner, before, after }: TwoVersions, reader: Reader): TaskChange {
  const changes = changesSeen(differences(before, after), { id: reader.id, seesAllShares: reader.isAdmin || owner === reader.id });
  return { task_id: id, title: after.title, kind: kindOf(before, after), changes };
}

function kindOf(before: Version | null, after: Version): ChangeKind {
  if (before === null) return 'created';
  if (before.deleted !== after.deleted) return after.deleted ? 'deleted' : 'restored';
  if ((before.status === 'done') !== (after.status === 'done')) return after.status === 'done' ? 'finished' : 'reopened';
  return 'changed';
}

/** Field by field; of a task that is new, all that is not nothing. */
function differences(before: Version | null, after: Version): FieldChange[] {
  const [old, now] = [before && spread(before), spread(after)];
  const names = [...new Set([...Object.keys(now), ...Object.keys(old ?? {})])];
  return names
    .map((field) => ({ field, from: old?.[field] ?? null, to: now[field] ?? null }))
    .filter(({ from, to }) => (old === null ? !isNothing(to) : !isDeepStrictEqual(from, to)));
}

function spread({ shares, ...rest }: Version): Record<string, unknown> {
  const each = Object.entries(shares).map(([userId, permission]) => [`shares.${userId}`, permission]);
  return { ...rest, ...Object.fromEntries(each) };
}

function isNothing(value: unknown): boolean {
  return value === null || value === '' || value === 0 || value === false || (Array.isArray(value) && value.length === 0);
}
