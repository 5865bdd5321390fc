import { z } from 'zod';
import { Id } from '../../events/values.ts';
import { actions } from '../../projections/activity/describe.ts';
import { growing, PositionText } from '../forms.ts';

export const resourceTypes = ['task', 'comment', 'file', 'user'] as const;

export const ActivityView = z
  .strictObject({
    id: Id.describe("The event's id."),
    position: PositionText.describe('Its place in the log: only grows; compare it as an integer of any size.'),
    action: growing(actions),
    resource_type: growing(resourceTypes),
    resource_id: Id,
    task_id: Id.nullable(),
    actor: z.strictObject({ id: Id, username: z.string() }).describe('Whose doing it was; `system` is the service itself.'),
    token_id: Id.nullable().describe('The personal access token that was used, if any.'),
    occurred_at: z.iso.datetime({ precision: 3 }),
    request_id: z.string(),
    operation_id: Id.describe('Shared by all that one call or job did.'),
    revision: z.int().describe('In the stream of the task or user: 0 for the first event.'),
    summary: z.string().describe('A short sentence for people.'),
    details: z.record(z.string(), z.unknown()).describe('What changed or was meant, by the action.'),
  })
  .meta({ id: 'Activity', description: 'One event of the audit trail.' });
export type ActivityView = z.output<typeof ActivityView>;

const count = z.int().nonnegative();

export const ActivityStatsView = z
  .strictObject({
    total_activities: count,
    by_action: z.partialRecord(growing(actions), count),
    by_resource: z.partialRecord(growing(resourceTypes), count),
    by_day: z.record(z.iso.date(), count).describe("By day of the caller's."),
  })
  .meta({ id: 'ActivityStats' });
