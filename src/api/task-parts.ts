import { z } from 'zod';
import type { Caller } from '../accounts/caller.ts';
import type { Task } from '../events/task/task.ts';
import type { PageRequest } from '../queries/page.ts';
import type { QueriesFor } from '../queries/queries.ts';
import type { Freshness } from './freshness.ts';
import { someOf } from './query-parameters.ts';
import { JsonText, type RequestContext } from './route.ts';
import { CommentView } from './views/comment-view.ts';
import { FileView } from './views/file-view.ts';
import type { People } from './views/person-view.ts';
import { ShareView, shareViews } from './views/share-view.ts';
import { TaskView } from './views/task-view.ts';

const parts = ['comments', 'files', 'shares'] as const;
type Part = (typeof parts)[number];

/** The parameter that asks for parts of a task together with it. */
export const includeParameter = {
  include: someOf(parts).meta({ description: `The first 20 of ${parts.join(', ')}, oldest first; with commas between them.` }),
};

/** A task, with the parts of it that were asked for. */
export const TaskWithParts = TaskView.extend({
  comments: z.array(CommentView).optional(),
  files: z.array(FileView).optional(),
  shares: z.array(ShareView).optional(),
}).meta({ id: 'TaskWithParts' });

interface Services {
  queriesFor: QueriesFor<'listComments' | 'listFiles'>;
  freshness: Freshness;
  people(ids: readonly string[]): Promise<People>;
}

interface Asked {
  view: TaskView;
  task: Task;
  include: readonly Part[];
  caller: Caller;
  request: RequestContext;
}

const firstOnes = { by: 'page', page: 1, size: 20 } as const satisfies PageRequest;

/** The view of a task with the first of each list that is included, as whoever asks may see them. */
export async function withParts({ queriesFor, freshness, people }: Services, { view, task, include, caller, request }: Asked) {
  const { headers } = await freshness.wait({ caller, request, models: ['listing'], taskId: task.id });
  const read: Record<Part, () => Promise<string>> = {
    comments: async () => `[${(await queriesFor(request).listComments(task.id, firstOnes)).items}]`,
    files: async () => `[${(await queriesFor(request).listFiles(task.id, firstOnes)).items}]`,
    shares: async () => JSON.stringify((await shareViews(task, caller, people)).slice(0, firstOnes.size)),
  };
  const members = await Promise.all(include.map(async (part) => `"${part}":${await read[part]()}`));
  return { headers, body: new JsonText(`${JSON.stringify(view).slice(0, -1)},${members.join()}}`) };
}
