import { type RecordedEvent, subjectId } from '../../events/recorded-event.ts';
import { erasedTasks } from '../erasures.ts';
import { insertNewRows } from '../insert-rows.ts';
import { taskColumns } from '../listing/schema.ts';
import { isTaskEvent } from '../listing/task-row.ts';
import type { Projection } from '../projection.ts';
import type { ProjectionClient } from '../projection-client.ts';
import { applyCommentVersions } from './comment-versions.ts';
import { historyIndexes, historySchema, type MomentRow } from './schema.ts';
import { foldTaskVersion, passageColumns, type TaskVersionRow } from './task-version.ts';
import { keepVersions } from './versions.ts';

/** A row for every version of every task and comment, with its valid range, and what time it was at each position. */
export const history: Projection = {
  name: 'history',
  version: 3,
  gathersFor: 200,
  tables: historySchema,
  indexes: historyIndexes,
  positions: { versions: ['valid_from', 'valid_to', 'entered_from'], comment_versions: ['valid_from', 'valid_to'], moments: ['position'] },
  async apply(events, client) {
    await applyMoments(events, client);
    await keepTaskVersions(events.filter(isTaskEvent), client);
    await forgetErased(events, client);
    await applyCommentVersions(events, client);
  },
};

/** Time as the log tells it never goes back: an event that says it happened earlier than another before it happened at that one's time. */
async function applyMoments(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  const { rows } = await client.query<{ latest: string | null }>("select to_json(max(effective_at)) #>> '{}' as latest from moments");
  let latest = rows[0]?.latest ? Date.parse(rows[0].latest) : Number.NEGATIVE_INFINITY;
  const moments: MomentRow[] = [];
  for (const { position, metadata } of events) {
    const at = Date.parse(metadata.occurred_at);
    if (at <= latest) continue;
    latest = at;
    moments.push({ position: position.toString(), effective_at: metadata.occurred_at });
  }
  await insertNewRows(client, 'moments', ['position', 'effective_at'], moments);
}

const keepTaskVersions = keepVersions<TaskVersionRow, RecordedEvent>({
  table: 'versions',
  columns: [...taskColumns, ...passageColumns, 'valid_from', 'valid_to'],
  positions: ['valid_from', 'entered_from'],
  idOf: subjectId,
  fold: foldTaskVersion,
});

/** The key of a task that went with its owner's account is destroyed: what it said goes from every version. */
async function forgetErased(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  const erased = erasedTasks(events);
  if (erased.length > 0)
    await client.write({ text: `update versions set title = '', description = '', tags = '{}' where id = any($1)`, values: [erased] });
}
