import { type RecordedEvent, subjectId } from '../../events/recorded-event.ts';
import { slices } from '../../platform/slices.ts';
import { hideErasedNames } from '../erased-names.ts';
import { erasedPeople, erasedTasks } from '../erasures.ts';
import { elseUpdate, writeRows } from '../projection.ts';
import type { ProjectionClient } from '../projection-client.ts';
import type { CommentRow, FileRow } from './schema.ts';

/** Events folded in one turn of the event loop. */
const YIELD_EVERY = 250;

/** A table with a row for each part of a task of one kind, and what the events of the task make of these rows. */
interface Parts<Row extends { id: string; revision: number }, Event extends RecordedEvent> {
  table: string;
  columns: readonly (keyof Row & string)[];
  isOfThem(event: RecordedEvent): event is Event;
  /** The ids of the parts that an event tells of. */
  ids(event: Event): readonly string[];
  /** @param row undefined before the first event of the part */
  evolve(row: Row | undefined, event: Event, id: string): Omit<Row, 'revision'> | undefined;
}

/** Keeps the rows of parts up to date, in the transaction of the batch. */
export function keepParts<Row extends { id: string; revision: number }, Event extends RecordedEvent>(parts: Parts<Row, Event>) {
  return async (events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> => {
    const told = events.filter(parts.isOfThem);
    if (told.length === 0) return;
    const rows = await load(client, parts, [...new Set(told.flatMap(parts.ids))]);
    for await (const some of slices(told, YIELD_EVERY)) {
      for (const event of some) {
        for (const id of parts.ids(event)) {
          const row = rows.get(id);
          if (event.revision <= (row?.revision ?? -1)) continue;
          const next = parts.evolve(row, event, id);
          if (next) rows.set(id, { ...next, revision: event.revision } as Row);
        }
      }
    }
    await writeRows(client, parts.table, parts.columns, [...rows.values()], elseUpdate(['id'], parts.columns));
  };
}

async function load<Row extends { id: string; revision: number }, Event extends RecordedEvent>(
  client: ProjectionClient,
  { table, columns }: Parts<Row, Event>,
  ids: readonly string[],
): Promise<Map<string, Row>> {
  const { rows } = await client.query<{ row: Row }>({
    name: `load ${table}`,
    text: `select to_jsonb(p) as row from (select ${columns.join(', ')} from ${table} where id = any($1)) p`,
    values: [ids],
  });
  return new Map(rows.map(({ row }) => [row.id, row]));
}

type CommentEvent = Extract<RecordedEvent, { type: `Comment${string}` }>;

/** The comments, where a list and a search find them. */
export async function applyComments(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  await keepComments(events, client);
  const erased = erasedPeople(events);
  if (erased.length > 0)
    await client.write({ text: `update comments set content = '', erased = true where author_id = any($1)`, values: [erased] });
  await hideErasedNames({ table: 'comments', key: { id: 'uuid' }, text: 'content' }, events, client);
}

const keepComments = keepParts<CommentRow, CommentEvent>({
  table: 'comments',
  columns: ['id', 'task_id', 'author_id', 'content', 'erased', 'mentions', 'created_at', 'edited_at', 'standing', 'revision'],
  isOfThem: (event): event is CommentEvent => event.type.startsWith('Comment'),
  ids: ({ data }) => [data.comment_id],
  evolve(row, event) {
    const at = event.metadata.occurred_at;
    if (event.type === 'CommentAdded') {
      return {
        id: event.data.comment_id,
        task_id: subjectId(event),
        author_id: event.metadata.actor.id,
        ...textOf(event.data.content),
        mentions: event.data.mentions,
        created_at: at,
        edited_at: null,
        standing: true,
      };
    }
    if (row === undefined) return undefined;
    switch (event.type) {
      case 'CommentEdited':
        return { ...row, ...textOf(event.data.content?.to ?? null), mentions: event.data.mentions.to, edited_at: at };
      case 'CommentDeleted':
        return { ...row, standing: false };
      case 'CommentRestored':
        return { ...row, standing: true };
      default:
        return event satisfies never;
    }
  },
});

/** The key of an erased author is destroyed, and with it the text. */
function textOf(content: string | null): Pick<CommentRow, 'content' | 'erased'> {
  return { content: content ?? '', erased: content === null };
}

type FileEvent = Extract<RecordedEvent, { type: `File${string}` }>;

/** The files, where a list finds them, and who looks for what to purge. */
export async function applyFiles(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  await keepFiles(events, client);
  const erased = erasedTasks(events);
  if (erased.length > 0) await client.write({ text: `update files set name = '' where task_id = any($1)`, values: [erased] });
}

const keepFiles = keepParts<FileRow, FileEvent>({
  table: 'files',
  columns: [
    'id',
    'task_id',
    'name',
    'size',
    'content_type',
    'sha256',
    'blob_key',
    'uploaded_by',
    'uploaded_at',
    'deleted_at',
    'purged',
    'revision',
  ],
  isOfThem: (event): event is FileEvent => event.type.startsWith('File'),
  ids: (event) => (event.type === 'FilesPurged' ? event.data.file_ids : [event.data.file_id]),
  evolve(row, event) {
    const at = event.metadata.occurred_at;
    switch (event.type) {
      case 'FileAttached': {
        const { file_id: id, name, ...file } = event.data;
        const uploaded = { uploaded_by: event.metadata.actor.id, uploaded_at: at };
        return { id, task_id: subjectId(event), name: name ?? '', ...file, ...uploaded, deleted_at: null, purged: false };
      }
      case 'FileDeleted':
        return row && { ...row, deleted_at: at };
      case 'FilesPurged':
        return row && { ...row, purged: true };
      default:
        return event satisfies never;
    }
  },
});
