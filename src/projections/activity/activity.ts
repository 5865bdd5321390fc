import { type RecordedEvent, subjectId } from '../../events/recorded-event.ts';
import { slices } from '../../platform/slices.ts';
import { insertNewRows } from '../insert-rows.ts';
import type { Projection } from '../projection.ts';
import type { ProjectionClient } from '../projection-client.ts';
import { describe, labelOf } from './describe.ts';
import { forgetErased } from './forget.ts';
import { type ActivityRow, activityIndexes, activitySchema } from './schema.ts';

const columns = [
  'position',
  'event_id',
  'event_type',
  'action',
  'resource_type',
  'resource_id',
  'task_id',
  'actor_id',
  'actor_kind',
  'token_id',
  'occurred_at',
  'request_id',
  'operation_id',
  'revision',
  'details',
  'mentions',
  'mentioning',
] as const satisfies readonly (keyof ActivityRow)[];

/** So many events are described in a millisecond or two. */
const IN_ONE_TURN = 250;

/** The audit trail by actor, task and operation: a row for every event that has an action. */
export const activity: Projection = {
  name: 'activity',
  version: 4,
  gathersFor: 200,
  tables: activitySchema,
  indexes: activityIndexes,
  positions: { activity: ['position'] },
  async apply(events, client) {
    const labels = await loadLabels(client, events);
    const rows: ActivityRow[] = [];
    for await (const some of slices(events, IN_ONE_TURN)) {
      for (const event of some) {
        const label = labelOf(event);
        if (label) labels.set(...label);
        const row = toRow(event, labels);
        if (row) rows.push(row);
      }
    }
    await insertNewRows(client, 'activity', columns, rows);
    await forgetErased(events, client);
  },
};

function toRow(event: RecordedEvent, labels: ReadonlyMap<string, Record<string, unknown>>): ActivityRow | null {
  const description = describe(event, labels);
  if (description === null) return null;
  const { metadata } = event;
  return {
    position: event.position.toString(),
    event_id: metadata.event_id,
    event_type: event.type,
    action: description.action,
    resource_type: description.resource,
    resource_id: description.resourceId,
    task_id: event.stream.startsWith('task-') ? subjectId(event) : null,
    actor_id: metadata.actor.id,
    actor_kind: metadata.actor.kind,
    token_id: metadata.token_id ?? null,
    occurred_at: metadata.occurred_at,
    request_id: metadata.request_id,
    operation_id: metadata.operation_id,
    revision: event.revision,
    details: description.details,
    ...mentionsOf(event),
  };
}

/** What finds the names of users in a row once their accounts are erased. */
function mentionsOf({ type, data }: RecordedEvent): Pick<ActivityRow, 'mentions' | 'mentioning'> {
  if (type === 'CommentAdded' && data.mentions.length > 0) return { mentions: data.mentions, mentioning: data.content };
  if (type === 'CommentEdited' && data.mentions.to.length > 0) return { mentions: data.mentions.to, mentioning: data.content?.to ?? null };
  return { mentions: [], mentioning: null };
}

/** What earlier batches told of the resources that this batch speaks of without describing them. */
async function loadLabels(client: ProjectionClient, events: readonly RecordedEvent[]): Promise<Map<string, Record<string, unknown>>> {
  const resources = events.flatMap(unlabelled);
  if (resources.length === 0) return new Map();
  const tasks = events.filter((event) => unlabelled(event).length > 0).map(subjectId);
  const { rows } = await client.query<{ id: string; label: Record<string, unknown> }>(
    `select distinct on (resource_id) resource_id as id,
       case event_type when 'TaskEdited' then jsonb_build_object('title', details #> '{new_values,title}') else details end as label
     from activity
     where task_id = any($1) and resource_id = any($2)
       and (event_type in ('TaskCreated', 'CommentAdded', 'CommentEdited', 'FileAttached')
         or event_type = 'TaskEdited' and details #> '{new_values}' ? 'title')
     order by resource_id, position desc`,
    [tasks, resources],
  );
  return new Map(rows.map(({ id, label }) => [id, label]));
}

function unlabelled(event: RecordedEvent): string[] {
  switch (event.type) {
    case 'TaskDeleted':
    case 'TaskRestored':
      return [subjectId(event)];
    case 'CommentDeleted':
    case 'CommentRestored':
      return [event.data.comment_id];
    case 'FileDeleted':
      return [event.data.file_id];
    default:
      return [];
  }
}
