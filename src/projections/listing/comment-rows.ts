import type { RecordedEvent } from '../../events/recorded-event.ts';
import { subjectId } from '../../events/recorded-event.ts';
import { elseUpdate, type ProjectionClient, writeRows } from '../projection.ts';
import type { CommentRow } from './schema.ts';

const columns = ['id', 'task_id', 'content', 'standing', 'revision'] as const satisfies readonly (keyof CommentRow)[];

type CommentEvent = Extract<RecordedEvent, { type: `Comment${string}` }>;

/** Keeps the text of comments where a search finds it. */
export async function applyComments(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  const told = events.filter(isCommentEvent);
  if (told.length === 0) return;
  const rows = await load(client, [...new Set(told.map(({ data }) => data.comment_id))]);
  for (const event of told) {
    const row = rows.get(event.data.comment_id);
    if (event.revision > (row?.revision ?? -1)) rows.set(event.data.comment_id, { ...evolveRow(row, event), revision: event.revision });
  }
  await writeRows(client, 'comments', columns, [...rows.values()], elseUpdate(['id'], columns));
}

function evolveRow(row: CommentRow | undefined, event: CommentEvent): Omit<CommentRow, 'revision'> {
  const before = row ?? { id: event.data.comment_id, task_id: subjectId(event), content: '', standing: true };
  switch (event.type) {
    case 'CommentAdded':
      return { ...before, content: event.data.content ?? '' };
    case 'CommentEdited':
      return { ...before, content: event.data.content?.to ?? '' };
    case 'CommentDeleted':
      return { ...before, standing: false };
    case 'CommentRestored':
      return { ...before, standing: true };
    default:
      return event satisfies never;
  }
}

function isCommentEvent(event: RecordedEvent): event is CommentEvent {
  return event.type.startsWith('Comment');
}

async function load(client: ProjectionClient, ids: readonly string[]): Promise<Map<string, CommentRow>> {
  const { rows } = await client.query<{ row: CommentRow }>({
    name: 'load comments',
    text: `select to_jsonb(c) - 'search' as row from comments c where id = any($1)`,
    values: [ids],
  });
  return new Map(rows.map(({ row }) => [row.id, row]));
}
