import { type RecordedEvent, subjectId } from '../../events/recorded-event.ts';
import { hideErasedNames } from '../erased-names.ts';
import { erasedPeople } from '../erasures.ts';
import type { ProjectionClient } from '../projection-client.ts';
import type { CommentVersionRow } from './schema.ts';
import { keepVersions } from './versions.ts';

type CommentEvent = Extract<RecordedEvent, { type: `Comment${string}` }>;

const keepCommentVersions = keepVersions<CommentVersionRow, CommentEvent>({
  table: 'comment_versions',
  columns: ['id', 'task_id', 'author_id', 'content', 'mentions', 'standing', 'revision', 'valid_from', 'valid_to'],
  positions: ['valid_from'],
  idOf: ({ data }) => data.comment_id,
  fold: (row, event) => (event.revision <= (row?.revision ?? -1) ? row : evolve(row, event)),
});

/** The versions of comments, so that a search finds what they said then. */
export async function applyCommentVersions(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  await keepCommentVersions(
    events.filter((event): event is CommentEvent => event.type.startsWith('Comment')),
    client,
  );
  const erased = erasedPeople(events);
  if (erased.length > 0)
    await client.write({ text: `update comment_versions set content = '' where author_id = any($1)`, values: [erased] });
  await hideErasedNames({ table: 'comment_versions', key: { id: 'uuid', valid_from: 'bigint' }, text: 'content' }, events, client);
}

function evolve(row: CommentVersionRow | undefined, event: CommentEvent): CommentVersionRow | undefined {
  const { revision } = event;
  if (event.type === 'CommentAdded') {
    const { comment_id: id, content, mentions } = event.data;
    const author_id = event.metadata.actor.id;
    return { id, task_id: subjectId(event), author_id, content: content ?? '', mentions, standing: true, revision };
  }
  if (row === undefined) return undefined;
  switch (event.type) {
    case 'CommentEdited':
      return { ...row, content: event.data.content?.to ?? '', mentions: event.data.mentions.to, revision };
    case 'CommentDeleted':
      return { ...row, standing: false, revision };
    case 'CommentRestored':
      return { ...row, standing: true, revision };
    default:
      return event satisfies never;
  }
}
