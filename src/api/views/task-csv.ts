import type { CsvColumns } from '../list-export.ts';
import { nameOf } from './person-view.ts';
import type { TaskView } from './task-view.ts';

/** A task as a line of CSV: the members of its JSON, people by name and by id, tags with commas between them. */
export const taskCsv: CsvColumns<TaskView> = [
  ['id', (task) => task.id],
  ['title', (task) => task.title],
  ['description', (task) => task.description],
  ['status', (task) => task.status],
  ['priority', (task) => task.priority],
  ['tags', (task) => task.tags.join(',')],
  ['due_date', (task) => task.due_date],
  ['completed', (task) => task.completed],
  ['completed_at', (task) => task.completed_at],
  ['overdue', (task) => task.overdue],
  ['owner', (task) => nameOf(task.owner)],
  ['owner_id', (task) => task.owner.id],
  ['assignee', (task) => task.assignee && nameOf(task.assignee)],
  ['assignee_id', (task) => task.assignee?.id ?? null],
  ['permission', (task) => task.permission],
  ['share_count', (task) => task.share_count],
  ['comment_count', (task) => task.comment_count],
  ['file_count', (task) => task.file_count],
  ['created_at', (task) => task.created_at],
  ['updated_at', (task) => task.updated_at],
  ['deleted_at', (task) => task.deleted_at],
  ['revision', (task) => task.revision],
];
