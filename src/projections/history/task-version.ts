import type { RecordedEvent } from '../../events/recorded-event.ts';
import { statuses } from '../../events/values.ts';
import type { TaskRow } from '../listing/schema.ts';
import { foldTaskRow } from '../listing/task-row.ts';

/** A task as one of its events left it, and how it has come through the workflow: statistics then need no other version than one. */
export interface TaskVersionRow extends TaskRow {
  /** The position and the time of the event with which it came into its status. */
  entered_from: string;
  entered_at: string;
  /** When it was first in progress. */
  started_at: string | null;
  /** Milliseconds in each status, in the order of the statuses, until it came into the one it has; null where it never was. */
  spent: (number | null)[];
}

export const passageColumns = ['entered_from', 'entered_at', 'started_at', 'spent'] as const;

export function foldTaskVersion(row: TaskVersionRow | undefined, event: RecordedEvent): TaskVersionRow | undefined {
  const next = foldTaskRow(row, event);
  if (next === undefined || next.revision === row?.revision) return row;
  if (row?.status === next.status) return { ...row, ...next };
  const at = event.metadata.occurred_at;
  return {
    ...next,
    entered_from: event.position.toString(),
    entered_at: at,
    started_at: row?.started_at ?? (next.status === 'in_progress' ? at : null),
    spent: row ? spentUntil(row, at) : statuses.map(() => null),
  };
}

function spentUntil({ spent, status, entered_at }: TaskVersionRow, at: string): (number | null)[] {
  const more = Math.max(0, Date.parse(at) - Date.parse(entered_at));
  return spent.map((milliseconds, n) => (statuses[n] === status ? (milliseconds ?? 0) + more : milliseconds));
}
