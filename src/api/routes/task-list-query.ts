import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import { formatPosition } from '../../events/store/event-store.ts';
import { priorities, statuses } from '../../events/values.ts';
import type { TaskList } from '../../queries/tasks/list-tasks.ts';
import type { TaskFilters } from '../../queries/tasks/task-filters.ts';
import { type TaskScope, taskScopes } from '../../queries/tasks/task-scope.ts';
import { countSearchWords, MAX_SEARCH_WORDS } from '../../queries/tasks/task-search.ts';
import { type TaskSort, taskSortKeys } from '../../queries/tasks/task-sort.ts';
import { asOfParameters, asOfRule, type Past } from '../as-of.ts';
import { momentsBetween, today } from '../days.ts';
import { exportParameters, wholeWhenExported } from '../list-export.ts';
import { date, flag, notAfter, notBefore, somebody, somebodyOrNone, someOf, tagList } from '../query-parameters.ts';
import { atMostOneOf, pageParameters, pageRules } from '../views/listing-view.ts';

const filterParameters = {
  status: someOf(statuses),
  priority: someOf(priorities),
  tags: tagList('Tags that a task must have, all of them; with commas between them.'),
  tags_any: tagList('Tags of which a task must have at least one; with commas between them.'),
  completed: flag('Whether done.'),
  overdue: flag("Whether due before today, by the caller's time zone, and neither done nor cancelled."),
  search: z
    .string()
    .min(1)
    .max(200)
    .refine((text) => countSearchWords(text) <= MAX_SEARCH_WORDS, {
      error: `must have at most ${MAX_SEARCH_WORDS} words`,
      params: { code: 'too_long' },
    })
    .optional()
    .meta({
      description:
        'Words, each by its beginning, or phrases in quotes: all of them, in title, description, tags and comments. Case and accents are ' +
        'ignored. `#` and `+` after a word belong to it, and an emoji is a word. In scripts without spaces any two or more characters in a ' +
        `row are found. At most ${MAX_SEARCH_WORDS} words, those of phrases included.`,
    }),
  assignee: somebodyOrNone('Whom it is assigned to.'),
  owner: somebody('Whose it is.'),
  due_after: date('Due then or later.'),
  due_before: date('Due then or earlier.'),
  created_after: notBefore('Created then or later.'),
  created_before: notAfter('Created then or earlier.'),
  updated_after: notBefore('Last changed then or later.'),
  updated_before: notAfter('Last changed then or earlier.'),
  deleted: flag('The deleted tasks instead: those that the caller owned.'),
};

const sortParameters = {
  sort_by: z.enum(taskSortKeys).optional().meta({
    description:
      '`created_at` when left out, the newest first; with `search` it is `relevance`, which needs `search`. Tasks without a due date come last.',
  }),
  sort_order: z
    .enum(['asc', 'desc'])
    .optional()
    .meta({ description: '`asc` when `sort_by` is given, except for `relevance`, where the best come first. Ties go by id.' }),
};

const ownParameters = { ...filterParameters, ...sortParameters, ...pageParameters, ...asOfParameters, ...exportParameters };

/** The query of lists of tasks whose scope the path says. */
export const TaskListQuery = taskListRules(z.strictObject(ownParameters));
export type TaskListQuery = z.output<typeof TaskListQuery>;

/** The query of `GET /tasks`. */
export const ScopedTaskListQuery = taskListRules(z.strictObject({ scope: scopeParameter('all'), ...ownParameters }));

export function scopeParameter(usual: TaskScope) {
  const description = 'What the caller owns, is assigned, has been given a share of, the three together, or (admins) all there is.';
  return z.enum(taskScopes).default(usual).meta({ description });
}

function taskListRules<S extends z.ZodObject>(schema: S): S {
  const ruled = wholeWhenExported(atMostOneOf(schema, ...pageRules, asOfRule));
  return ruled.refine((query) => query.sort_by !== 'relevance' || query.search !== undefined, {
    path: ['search'],
    error: 'is required when sorting by relevance',
    when: () => true,
  });
}

/** What is asked for, in the words of the read side. */
export function taskList(query: TaskListQuery, scope: TaskScope, caller: Caller, past?: Past): TaskList {
  const asked = { reader: caller, scope, filters: filtersOf(query, caller.timezone), sort: sortOf(query) };
  return {
    ...asked,
    today: today(caller.timezone, past ? new Date(past.at ?? 0) : undefined),
    asOf: past && formatPosition(past.position),
  };
}

function filtersOf(query: TaskListQuery, timezone: string): TaskFilters {
  return {
    status: query.status,
    priority: query.priority,
    tags: query.tags,
    tagsAny: query.tags_any,
    completed: query.completed,
    overdue: query.overdue,
    search: query.search,
    owner: query.owner,
    assignee: query.assignee,
    due: range(query.due_after, query.due_before),
    created: momentsBetween(query.created_after, query.created_before, timezone),
    updated: momentsBetween(query.updated_after, query.updated_before, timezone),
    deleted: query.deleted,
  };
}

function range(after: string | undefined, before: string | undefined) {
  return after === undefined && before === undefined ? undefined : { after, before };
}

function sortOf({ sort_by, sort_order, search }: TaskListQuery): TaskSort {
  const by = sort_by ?? (search === undefined ? 'created_at' : 'relevance');
  const usual = sort_by === undefined || by === 'relevance' ? 'desc' : 'asc';
  return { by, descending: (sort_order ?? usual) === 'desc' };
}
