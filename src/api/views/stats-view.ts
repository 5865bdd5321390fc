import { z } from 'zod';
import { Priority, Status } from '../../events/values.ts';
import type { TaskStats } from '../../queries/tasks/task-stats.ts';

const count = z.int().nonnegative();

export const TaskStatsView = z
  .strictObject({
    total: count,
    completed: count,
    incomplete: count,
    completion_rate: z.number().min(0).max(1),
    overdue: count,
    by_status: z.record(Status, count),
    by_priority: z.record(Priority, count),
    by_tag: z.record(z.string(), count),
    tasks_shared: count.describe('With at least one share.'),
    comments_posted: count.describe('The caller’s own comments that stand on these tasks.'),
    created_last_7_days: count.describe('In the last seven dates in UTC, today included.'),
    completed_last_7_days: count,
  })
  .meta({ id: 'TaskStats' }) satisfies z.ZodType<TaskStats>;

export const TagView = z
  .strictObject({ tag: z.string(), count, completed: count })
  .meta({ id: 'Tag', description: 'A tag and its tasks.' });
