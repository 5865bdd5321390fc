// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pieces of source are quoted as they are
import type { Weakening } from '../weakenings.ts';

const erasedTags = 'erased tasks lose their tags';

/** What keeps tags from outliving the account of their task's owner. */
export const tagDefences: readonly Weakening[] = [
  {
    name: 'every member with tags is sealed',
    file: 'events/codec.ts',
    from: 'const { taskText, authorText } = schema;',
    to: "const { authorText } = schema;\n  const taskText = schema.taskText.filter((path) => !(WITHOUT && path === 'tags.to'));",
  },
  {
    name: erasedTags,
    file: 'projections/listing/task-row.ts',
    from: "{ title: '', description: '', tags: [] }",
    to: "{ title: '', description: '', ...(!WITHOUT && { tags: [] }) }",
  },
  {
    name: 'versions of erased tasks lose their tags',
    file: 'projections/history/history.ts',
    from: "tags = '{}' where id = any($1)`",
    to: "tags = ${WITHOUT ? 'tags' : `'{}'`} where id = any($1)`",
  },
  {
    name: 'the timeline of erased tasks loses their tags',
    file: 'projections/activity/forget.ts',
    from: 'if (tasks.length > 0) await client.write({ text: forgetTasks,',
    to: 'if (tasks.length > 0) await client.write({ text: WITHOUT ? forgetTasks.replaceAll("\'tags\'", "\'nothing\'") : forgetTasks,',
  },
];

/** What keeps permissions from growing by the assignments of editors. */
export const assignmentRules: readonly Weakening[] = [
  {
    name: 'assignments of editors give no access',
    file: 'commands/task/assign-task.ts',
    from: 'isFree && canGiveAccess',
    to: '(isFree || WITHOUT) && canGiveAccess',
  },
  {
    name: 'an assignment without access is worth the share',
    file: 'events/task/permission.ts',
    from: 'task.assigneeId === userId && task.assignmentGivesAccess',
    to: 'task.assigneeId === userId && (task.assignmentGivesAccess || WITHOUT)',
  },
  {
    name: 'force takes an assignment that gives access',
    file: 'commands/task/delete-task.ts',
    from: 'task.assigneeId === actor.id && task.assignmentGivesAccess',
    to: 'task.assigneeId === actor.id && (task.assignmentGivesAccess || WITHOUT)',
  },
  {
    name: 'an assignment without access ends with the last access',
    file: 'commands/task/assign-task.ts',
    from: 'return task.assigneeId === null || hasAccess(task, task.assigneeId)',
    to: 'return WITHOUT || task.assigneeId === null || hasAccess(task, task.assigneeId)',
  },
  {
    name: 'an undo gives no more access than there was',
    file: 'commands/task/bring-back.ts',
    from: ', gaveAccess, actor);',
    to: ', WITHOUT || gaveAccess, actor);',
  },
  {
    name: 'the feed ends with the last access',
    file: 'projections/feed/feed-task.ts',
    from: 'const assignee = row.gives_access ? row.assignee_id : null;',
    to: 'const assignee = row.gives_access || WITHOUT ? row.assignee_id : null;',
  },
];
