import type { RecordedEvent } from '../../events/recorded-event.ts';
import { hideErasedNames } from '../erased-names.ts';
import { erasedPeople, erasedTasks } from '../erasures.ts';
import type { ProjectionClient } from '../projection-client.ts';
import { preview } from './describe.ts';

/** Takes out of the rows what the events say is erased: they are then what they would be if made anew, when the keys are gone. */
export async function forgetErased(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  const tasks = erasedTasks(events);
  if (tasks.length > 0) await client.write({ text: forgetTasks, values: [tasks] });
  const people = erasedPeople(events);
  if (people.length > 0) await client.write({ text: forgetComments, values: [people] });
  await hideNames(events, client);
  await noteErasures(events, client);
}

/** A preview is the beginning of a text without the names, which is another than the beginning of the text with them. */
async function hideNames(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  await hideErasedNames({ table: 'activity', key: { position: 'bigint' }, text: 'mentioning' }, events, client, async (changed) => {
    const previews = changed.map(({ key, text }) => ({ position: key.position, ...preview(text) }));
    await client.write({ text: showPreviews, values: [JSON.stringify(previews)] });
  });
}

/** Who is erased, as the log has it: what a database that was restored must be told again. */
async function noteErasures(events: readonly RecordedEvent[], client: ProjectionClient): Promise<void> {
  const wishes = events.flatMap(({ type, data, stream }) =>
    type === 'UserErasureRequested' || type === 'UserErased'
      ? [{ user_id: stream.slice('user-'.length), transfer_to: data.transfer_to, is_done: type === 'UserErased' }]
      : [],
  );
  for (const wish of wishes) {
    await client.query(
      `insert into erasures as known (user_id, transfer_to, is_done) values ($1, $2, $3)
       on conflict (user_id) do update set is_done = known.is_done or excluded.is_done`,
      [wish.user_id, wish.transfer_to, wish.is_done],
    );
  }
}

const nulls = (object: string, keys: readonly string[]) =>
  `(select coalesce(jsonb_object_agg(key, null), '{}') from unnest('{${keys.join(',')}}'::text[]) as key where ${object} ? key)`;

/** Tags are none once erased. */
const noTags = (object: string) => `case when ${object} ? 'tags' then '{"tags": []}' else '{}' end::jsonb`;

// Members that are there become null; others do not appear.
const forgetTasks = `
  update activity set details = details || ${nulls('details', ['title', 'comment', 'filename'])} || ${noTags('details')} || (
    select coalesce(
        jsonb_object_agg(side, (details -> side) || ${nulls('(details -> side)', ['title', 'description'])} || ${noTags('(details -> side)')}), '{}')
      from unnest('{old_values,new_values}'::text[]) as side where jsonb_typeof(details -> side) = 'object')
   where task_id = any($1) and resource_type in ('task', 'file')`;

const forgetComments = `
  update activity as told set details = told.details || '{"content_preview": null}', mentioning = null
    from activity as added
   where added.actor_id = any($1) and added.event_type = 'CommentAdded'
     and told.task_id = added.task_id and told.resource_id = added.resource_id and told.details ? 'content_preview'`;

// The deletion and the restoration of a comment show the preview of what it said last before them.
const showPreviews = `
  with shown as (select * from json_to_recordset($1) as shown (position bigint, content_preview text)),
    described as (
      update activity as described set details = described.details || jsonb_build_object('content_preview', shown.content_preview)
        from shown where described.position = shown.position returning described.position, described.task_id, described.resource_id)
  update activity as later set details = later.details || jsonb_build_object('content_preview', shown.content_preview)
    from described join shown on shown.position = described.position
   where later.task_id = described.task_id and later.resource_id = described.resource_id
     and later.event_type in ('CommentDeleted', 'CommentRestored') and later.position > described.position
     and not exists (
       select from activity as between_them
        where between_them.task_id = described.task_id and between_them.resource_id = described.resource_id
          and between_them.event_type = 'CommentEdited'
          and between_them.position > described.position and between_them.position < later.position)`;
