import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import type { CommandOutcome } from '../../commands/command-order.ts';
import { addComment, deleteComment, editComment, requireReadable, restoreComment } from '../../commands/task/comment-on-task.ts';
import { type CommentVersion, commentVersions } from '../../events/task/comments.ts';
import { usernamesIn } from '../../events/task/mentions.ts';
import { CommentText } from '../../events/values.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { commandAnswer, taskHeaders } from '../command-request.ts';
import { type Route, route } from '../route.ts';
import { answerNothing, commandOnTask, type OnTask, refusalsOnTask, TaskPath, type TaskServices, taskCommands } from '../task-commands.ts';
import type { TaskReadsFor } from '../task-reads.ts';
import { CommentVersionView, CommentView, commentView, mentionViews, peopleIn } from '../views/comment-view.ts';
import { PageQuery, pageAnswer, pageOf, pageRequest } from '../views/listing-view.ts';
import { wholeListAnswer } from '../views/whole-list.ts';
import { hasVisibleText, notEmpty } from '../visible-text.ts';

export interface CommentServices extends TaskServices {
  queriesFor: QueriesFor<'listComments'>;
  tasksFor: TaskReadsFor;
  directory: {
    /** The ids of the active people among these usernames. */
    idsOf(usernames: readonly string[]): Promise<ReadonlyMap<string, string>>;
  };
}

const CommentBody = z.strictObject({ content: CommentText.refine(hasVisibleText, notEmpty) });
const CommentPath = z.strictObject({ task_id: z.string(), comment_id: z.string() });

/** What people say about a task. */
export function commentRoutes(services: CommentServices): Route[] {
  const { tasks, people, directory, queriesFor, tasksFor, freshness } = services;
  const { carryOut } = taskCommands(services);

  const answerComment = async (
    status: 200 | 201,
    { request }: Pick<OnTask, 'request'>,
    outcome: CommandOutcome,
    { id, content }: { id: string; content: string | null },
    more = {},
  ) => {
    const comment = { ...outcome.task.comments.get(id)!, id, taskId: outcome.task.id, content };
    const named = await people(peopleIn(comment));
    return commandAnswer(request, status, { ...taskHeaders(outcome), ...more }, () => commentView(comment, named));
  };
  const named = async (content: string) => {
    const names = usernamesIn(content);
    const ids = await directory.idsOf(names);
    return names.flatMap((name) => ids.get(name) ?? []);
  };

  const commentVersionsUpTo = async (taskId: string, id: string, to: number) => {
    const versions: CommentVersion[] = [];
    for await (const events of tasks.events(taskId, { from: 0, to })) versions.push(...commentVersions(events, id));
    return versions;
  };

  const common = {
    ...commandOnTask,
    tag: 'Comments',
    needs: { scope: 'tasks:write', task: 'view' },
  } as const;
  const onOne = { ...common, params: CommentPath, rejects: [...refusalsOnTask, 'COMMENT_NOT_FOUND'] } as const;

  return [
    route({
      ...common,
      method: 'post',
      path: '/tasks/:task_id/comments',
      summary: 'Comment on a task',
      description: '`@username` mentions somebody who has access to the task.',
      body: CommentBody,
      answers: { 201: CommentView },
      rejects: [...refusalsOnTask, 'LIMIT_REACHED'],
      async handle(input) {
        const { content } = input.body;
        const asked = { commentId: uuidv7(), content, named: await named(content) };
        const outcome = await carryOut('post', input, addComment, asked);
        // The repetition of a comment answers the one that was made then.
        const { comment_id: id, content: recorded } = outcome.events.find((event) => event.type === 'CommentAdded')!.data;
        return answerComment(201, input, outcome, { id, content: recorded });
      },
    }),
    route({
      method: 'get',
      path: '/tasks/:task_id/comments',
      tag: 'Comments',
      summary: 'List the comments on a task, oldest first',
      needs: { scope: 'tasks:read', task: 'view' },
      params: TaskPath,
      query: PageQuery,
      obeys: ['Tasktrail-Position'],
      gives: ['Tasktrail-Stale?'],
      answers: { 200: pageOf(CommentView) },
      rejects: ['TASK_NOT_FOUND', 'INVALID_CURSOR'],
      absent: 'TASK_NOT_FOUND',
      async handle({ params: { task_id: taskId }, query, caller, request }) {
        await tasks.read(taskId, caller);
        const { headers } = await freshness.wait({ caller, request, models: ['listing'], taskId });
        const part = pageRequest(query);
        return pageAnswer(await queriesFor(request).listComments(taskId, part), part, request, headers);
      },
    }),
    route({
      ...onOne,
      method: 'patch',
      path: '/tasks/:task_id/comments/:comment_id',
      summary: 'Change what one’s comment says',
      description: 'What it said before stays in its history.',
      body: CommentBody,
      answers: { 200: CommentView },
      async handle(input) {
        const { content } = input.body;
        const asked = { commentId: input.params.comment_id, content, named: await named(content) };
        const outcome = await carryOut('patch', input, editComment, asked);
        // The repetition of a change answers what was recorded then, without the names of users erased since.
        const edited = outcome.events.find((event) => event.type === 'CommentEdited');
        return answerComment(200, input, outcome, { id: asked.commentId, content: edited?.data.content?.to ?? content });
      },
    }),
    route({
      ...onOne,
      method: 'delete',
      path: '/tasks/:task_id/comments/:comment_id',
      summary: 'Delete a comment',
      description: 'One’s own; the owner of the task any.',
      obeys: ['If-Match', 'If-None-Match', 'Idempotency-Key'],
      answers: { 204: null },
      async handle(input) {
        return answerNothing(await carryOut('delete', input, deleteComment, { commentId: input.params.comment_id }));
      },
    }),
    route({
      ...onOne,
      method: 'post',
      path: '/tasks/:task_id/comments/:comment_id/restore',
      summary: 'Bring a deleted comment back',
      description: 'For whoever deleted it, and the owner of the task.',
      answers: { 200: CommentView },
      async handle(input) {
        const { task_id: taskId, comment_id: id } = input.params;
        const outcome = await carryOut('post', input, restoreComment, { commentId: id });
        // The command has found the caller to be allowed; a repetition answers as of then, whatever has become of the task since.
        const versions = await commentVersionsUpTo(taskId, id, outcome.revision);
        return answerComment(200, input, outcome, { id, content: versions.at(-1)?.content ?? null });
      },
    }),
    route({
      method: 'get',
      path: '/tasks/:task_id/comments/:comment_id/history',
      tag: 'Comments',
      summary: 'What a comment has said, oldest first',
      description: 'Of a deleted comment for those who may bring it back.',
      needs: { scope: 'tasks:read', task: 'view' },
      params: CommentPath,
      query: PageQuery,
      answers: { 200: pageOf(CommentVersionView) },
      rejects: ['TASK_NOT_FOUND', 'COMMENT_NOT_FOUND', 'INVALID_CURSOR'],
      absent: 'TASK_NOT_FOUND',
      async handle({ params: { task_id: taskId, comment_id: id }, query, caller, request }) {
        const { task, events } = await tasksFor(request).history(taskId, caller);
        requireReadable(task, id, caller);
        const versions = commentVersions(events, id);
        const names = await people([...new Set(versions.flatMap(({ mentions }) => mentions))]);
        const views = versions.map((version) => ({ ...version, mentions: mentionViews(version.mentions, names) }));
        return wholeListAnswer(views, pageRequest(query), request);
      },
    }),
  ];
}
