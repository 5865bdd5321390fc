import { z } from 'zod';
import type { Person } from '../../accounts/directory.ts';
import type { CommandOutcome } from '../../commands/command-order.ts';
import { changeShare, shareeIn, shareTask, transferTask, unshareTask } from '../../commands/task/share-task.ts';
import { Id, SharePermission, text } from '../../events/values.ts';
import { Rejection } from '../../rejection.ts';
import { commandAnswer, taskHeaders } from '../command-request.ts';
import { exclusive } from '../forms.ts';
import { RequestedId } from '../id.ts';
import { type Route, route } from '../route.ts';
import { answerNothing, commandOnTask, type OnTask, refusalsOnTask, TaskPath, type TaskServices, taskCommands } from '../task-commands.ts';
import { PageQuery, pageOf, pageRequest } from '../views/listing-view.ts';
import { ShareView, shareView, shareViews } from '../views/share-view.ts';
import { TaskView } from '../views/task-view.ts';
import { wholeListAnswer } from '../views/whole-list.ts';

export interface SharingServices extends TaskServices {
  directory: {
    /** The account of this id or username, whether active or not. */
    find(idOrUsername: string): Promise<(Person & { isActive: boolean }) | null>;
    findActiveByEmail(email: string): Promise<Person | null>;
  };
}

const ways = ['username', 'user_id', 'email'] as const;
const ShareBody = z
  .strictObject({ username: z.string(), user_id: RequestedId, email: text(254), permission: SharePermission.default('view') })
  .partial({ username: true, user_id: true, email: true })
  .refine((body) => ways.some((way) => body[way] !== undefined), {
    error: `is required, or another of ${ways.join(', ')}`,
    path: ['username'],
    params: { code: 'required' },
  })
  .refine((body) => ways.filter((way) => body[way] !== undefined).length <= 1, {
    error: `only one of ${ways.join(', ')} can be given`,
    path: ['username'],
    params: { code: 'conflicts_with' },
  })
  .meta({
    description: 'Exactly one of `username`, `user_id` and `email`.',
    ...exclusive(['username', 'user_id'], ['username', 'email'], ['user_id', 'email']),
  });
const PermissionBody = z.strictObject({ permission: SharePermission });
const TransferBody = z.strictObject({ new_owner_id: RequestedId, keep: SharePermission.nullable().default('edit') });
const SharePath = z.strictObject({ task_id: z.string(), user: z.string() });

/** Who else has access to a task. */
export function sharingRoutes(services: SharingServices): Route[] {
  const { tasks, people, directory } = services;
  const { carryOut, answerTask, someone } = taskCommands(services);

  /** @param named the sharee as the request names them, who may have been renamed since the command that it repeats */
  const answerShare = async (status: 200 | 201, { request }: Pick<OnTask, 'request'>, outcome: CommandOutcome, named: string) => {
    const userId = shareeIn(outcome.events) ?? named;
    const share = outcome.task.shares.get(userId)!;
    const names = await people([userId, share.sharedBy]);
    return commandAnswer(request, status, taskHeaders(outcome), () => shareView(outcome.task.id, userId, share, names));
  };

  /** Somebody unknown is nobody to the command, which first sees whether the caller may know. */
  const named = async ({ username, user_id, email }: z.output<typeof ShareBody>) => {
    if (email !== undefined) {
      const found = await directory.findActiveByEmail(email);
      return { id: found?.id ?? '', isActive: found !== null };
    }
    const found = await directory.find(user_id ?? username ?? '');
    return { id: found?.id ?? '', isActive: found?.isActive ?? false };
  };
  const idOf = async (user: string) => (Id.safeParse(user).success ? user : ((await directory.find(user))?.id ?? ''));

  const common = { ...commandOnTask, tag: 'Sharing', needs: { scope: 'tasks:write', task: 'owner' } } as const;
  const oneShare = {
    ...common,
    path: '/tasks/:task_id/share/:user',
    params: SharePath,
    rejects: [...refusalsOnTask, 'SHARE_NOT_FOUND'],
  } as const;

  return [
    route({
      ...common,
      method: 'post',
      path: '/tasks/:task_id/share',
      summary: 'Share a task with somebody',
      description:
        'Exactly one of `username`, `user_id` and `email` says with whom. An e-mail address is found once it is verified; shares by addresses that find no one are limited to 30 an hour.',
      body: ShareBody,
      answers: { 201: ShareView },
      rejects: [...refusalsOnTask, 'USER_NOT_FOUND', 'CANNOT_SHARE_WITH_SELF', 'ALREADY_SHARED', 'ALREADY_OWNER', 'LIMIT_REACHED'],
      limited: { looksUp: ({ email }) => email !== undefined },
      async handle(input) {
        const person = await named(input.body);
        const outcome = carryOut('post', input, shareTask, { person, permission: input.body.permission });
        return answerShare(201, input, await (input.body.email === undefined ? outcome : outcome.catch(adviseUsername)), person.id);
      },
    }),
    route({
      method: 'get',
      path: '/tasks/:task_id/shares',
      tag: 'Sharing',
      summary: 'List with whom a task is shared',
      description: 'All of them for its owner and admins; others see themselves only.',
      needs: { scope: 'tasks:read', task: 'view' },
      params: TaskPath,
      query: PageQuery,
      answers: { 200: pageOf(ShareView) },
      rejects: ['TASK_NOT_FOUND', 'INVALID_CURSOR'],
      absent: 'TASK_NOT_FOUND',
      async handle({ params, query, caller, request }) {
        const { task } = await tasks.read(params.task_id, caller);
        return wholeListAnswer(await shareViews(task, caller, people), pageRequest(query), request);
      },
    }),
    route({
      ...oneShare,
      method: 'put',
      summary: 'Change what somebody may do with a task',
      body: PermissionBody,
      answers: { 200: ShareView },
      async handle(input) {
        const userId = await idOf(input.params.user);
        return answerShare(200, input, await carryOut('put', input, changeShare, { userId, ...input.body }), userId);
      },
    }),
    route({
      ...oneShare,
      method: 'delete',
      summary: 'Take a share away, or leave',
      description: 'The owner takes away anybody’s; everybody may give up their own.',
      needs: { scope: 'tasks:write', task: 'view' },
      obeys: ['If-Match', 'If-None-Match', 'Idempotency-Key'],
      answers: { 204: null },
      async handle(input) {
        return answerNothing(await carryOut('delete', input, unshareTask, { userId: await idOf(input.params.user) }));
      },
    }),
    route({
      ...common,
      method: 'post',
      path: '/tasks/:task_id/transfer',
      summary: 'Give a task to another owner',
      description: 'The owner before keeps a share with the permission `keep`, or none when it is null.',
      body: TransferBody,
      answers: { 200: TaskView },
      rejects: [...refusalsOnTask, 'USER_NOT_FOUND'],
      async handle(input) {
        const newOwner = await someone(input.body.new_owner_id);
        return answerTask(200, input, await carryOut('post', input, transferTask, { newOwner, keep: input.body.keep }));
      },
    }),
  ];
}

/** An address that is not verified belongs to anyone who typed it; the answer is that of an address without an account. */
function adviseUsername(error: unknown): never {
  if (!(error instanceof Rejection) || error.code !== 'USER_NOT_FOUND') throw error;
  throw new Rejection('USER_NOT_FOUND', 'No user has this address, or it is not verified; share by username instead');
}
