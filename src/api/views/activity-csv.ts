import type { CsvColumns } from '../list-export.ts';
import type { ActivityView } from './activity-view.ts';

/** An activity as a line of CSV: the members of its JSON, the actor by name and by id, the details as JSON. */
export const activityCsv: CsvColumns<ActivityView> = [
  ['id', (activity) => activity.id],
  ['position', (activity) => activity.position],
  ['action', (activity) => activity.action],
  ['resource_type', (activity) => activity.resource_type],
  ['resource_id', (activity) => activity.resource_id],
  ['task_id', (activity) => activity.task_id],
  ['actor', (activity) => activity.actor.username],
  ['actor_id', (activity) => activity.actor.id],
  ['token_id', (activity) => activity.token_id],
  ['occurred_at', (activity) => activity.occurred_at],
  ['request_id', (activity) => activity.request_id],
  ['operation_id', (activity) => activity.operation_id],
  ['revision', (activity) => activity.revision],
  ['summary', (activity) => activity.summary],
  ['details', (activity) => JSON.stringify(activity.details)],
];
