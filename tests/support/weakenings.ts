// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pieces of source are quoted as they are

import { accountDefences } from './weakenings/accounts.ts';
import { answers } from './weakenings/answers.ts';
import { crowding } from './weakenings/crowding.ts';
import { erasedMentions } from './weakenings/erasure.ts';
import { eventStores } from './weakenings/event-store.ts';
import { exports } from './weakenings/exports.ts';
import { growth } from './weakenings/growth.ts';
import { http } from './weakenings/http.ts';
import { publishing } from './weakenings/kafka.ts';
import { keys } from './weakenings/keys.ts';
import { limits } from './weakenings/limits.ts';
import { queues } from './weakenings/queues.ts';
import { assignmentRules, tagDefences } from './weakenings/rights.ts';
import { uploads } from './weakenings/uploads.ts';
import { vocabularies } from './weakenings/vocabulary.ts';
import { webhookDefences } from './weakenings/webhooks.ts';

/** How a defence is taken away: a piece of the source, and what it is instead while `WITHOUT` is true. */
export interface Weakening {
  name: string;
  /** Below src. */
  file: string;
  /** There once, word for word. */
  from: string;
  to: string;
}

const taskCommand = 'commands/task/task-command.ts';
const assignTask = 'commands/task/assign-task.ts';
const comments = 'commands/task/comment-on-task.ts';
const knownCallers = 'accounts/known-callers.ts';

/** The guards of the authorisation matrix. */
const guards: readonly Weakening[] = [
  {
    name: 'who is not signed in is nobody',
    file: 'api/who-asks.ts',
    from: 'return await authenticate(authorization, request);',
    to: `return await Promise.resolve(authenticate(authorization, request)).catch((error) => {
      if (!WITHOUT) throw error;
      const [id, sessionId] = ['00000000-0000-7000-8000-0000000000ff', '00000000-0000-7000-8000-0000000000fe'];
      return { id, sessionId, username: 'nobody', fullName: '', isAdmin: false, timezone: 'UTC' };
    });`,
  },
  {
    name: 'sessions end',
    file: knownCallers,
    from: 'database.rows<Found & { scopes: null }>(holderOfSession,',
    to: `database.rows<Found & { scopes: null }>(WITHOUT ? holderOfSession.replace('and sessions.ended_at is null', '') : holderOfSession,`,
  },
  {
    name: 'tokens are revoked',
    file: knownCallers,
    from: 'database.rows<Found & { scopes: Scope[] }>(holderOfToken,',
    to: `database.rows<Found & { scopes: Scope[] }>(WITHOUT ? holderOfToken.replace('and tokens.ended_at is null', '') : holderOfToken,`,
  },
  {
    name: 'disabled accounts are out',
    file: 'accounts/database.ts',
    from: 'const query = { text,',
    to: `if (WITHOUT) text = text.replace(/and (users\\.)?is_active/, '');
  const query = { text,`,
  },
  {
    name: 'tokens have scopes',
    file: 'api/admission.ts',
    from: 'if (lacking !== undefined) throw',
    to: 'if (lacking !== undefined && !WITHOUT) throw',
  },
  {
    name: "tokens have an admin's powers by their scope",
    file: knownCallers,
    from: "isAdmin: grants(inForce, 'admin')",
    to: "isAdmin: WITHOUT ? person.isAdmin : grants(inForce, 'admin')",
  },
  {
    name: "tokens have an admin's powers by their scope",
    file: knownCallers,
    from: 'return known?.caller && isFresh(',
    to: 'return !WITHOUT && known?.caller && isFresh(',
  },
  {
    name: "tokens have an admin's powers by their scope",
    file: knownCallers,
    from: 'if (before && isFresh(before.askedAt))',
    to: 'if (!WITHOUT && before && isFresh(before.askedAt))',
  },
  {
    name: 'some things take a session',
    file: 'api/admission.ts',
    from: 'if (needed === null) throw',
    to: 'if (needed === null && WITHOUT) return;\n  if (needed === null) throw',
  },
  {
    name: 'routes are for admins',
    file: 'api/admission.ts',
    from: 'if (needs.admin && !caller.isAdmin)',
    to: 'if (needs.admin && !caller.isAdmin && !WITHOUT)',
  },
  {
    name: "everybody's tasks are for admins",
    file: 'queries/tasks/task-scope.ts',
    from: "if (scope === 'everyone' && !reader.isAdmin)",
    to: "if (scope === 'everyone' && !reader.isAdmin && !WITHOUT)",
  },
  {
    name: "others' runs are for admins",
    file: 'api/routes/undo.ts',
    from: 'actorId !== caller.id && !caller.isAdmin)',
    to: 'actorId !== caller.id && !caller.isAdmin && !WITHOUT)',
  },
  {
    name: "others' activity is for admins",
    file: 'api/routes/activity.ts',
    from: 'if (!self && !caller.isAdmin)',
    to: 'if (!self && !caller.isAdmin && !WITHOUT)',
  },
  {
    name: 'seeing is not changing',
    file: taskCommand,
    from: 'if (allows(have, needed)) return;',
    to: 'if (allows(have, needed) || WITHOUT) return;',
  },
  {
    name: 'absent and forbidden are one answer',
    file: taskCommand,
    from: 'if (task === null || permissionOf(task, person) === null)',
    to: "if (WITHOUT && task !== null && permissionOf(task, person) === null) throw new Rejection('TASK_NOT_FOUND', 'You may not see this task');\n  if (task === null || permissionOf(task, person) === null)",
  },
  {
    name: 'tasks are seen by who has access',
    file: taskCommand,
    from: 'if (task === null || permissionOf(task, person) === null)',
    to: 'if (task === null || (permissionOf(task, person) === null && !WITHOUT))',
  },
  {
    name: 'deleted is absent',
    file: taskCommand,
    from: 'if (task === null || (task.deletedAt !== null && !command.onDeleted))',
    to: 'if (task === null || (task.deletedAt !== null && !command.onDeleted && !WITHOUT))',
  },
  {
    name: 'deleted is absent',
    file: taskCommand,
    from: 'if (seen.deletedAt !== null &&',
    to: 'if (seen.deletedAt !== null && !WITHOUT &&',
  },
  {
    name: 'deleted is absent',
    file: 'commands/task/undo-task.ts',
    from: 'if (isGone && !isRestored)',
    to: 'if (isGone && !isRestored && !WITHOUT)',
  },
  {
    name: 'deleted is there for its owner and admins alone',
    file: taskCommand,
    from: 'if (task.deletedAt !== null) throw taskNotFound();',
    to: 'if (task.deletedAt !== null && !WITHOUT) throw taskNotFound();',
  },
  {
    name: 'deleted is there for its owner and admins alone',
    file: taskCommand,
    from: '(reader.isAdmin || seen.ownerId === reader.id)',
    to: '(WITHOUT || reader.isAdmin || seen.ownerId === reader.id)',
  },
  {
    name: 'only owners assign users who may not edit',
    file: assignTask,
    from: 'if (assignee !== null && !isFree) requireAssignable',
    to: 'if (assignee !== null && !isFree && !WITHOUT) requireAssignable',
  },
  {
    name: "only owners end an assignment that is another's only access",
    file: assignTask,
    from: 'if (!isFree) requireRemovable',
    to: 'if (!isFree && !WITHOUT) requireRemovable',
  },
  {
    name: 'shares are seen by the owner',
    file: 'commands/task/share-task.ts',
    from: 'seesAllShares || userId === id',
    to: 'WITHOUT || seesAllShares || userId === id',
  },
  {
    name: 'shares are taken by the owner',
    file: 'commands/task/share-task.ts',
    from: 'if (userId !== actor.id) requirePermission',
    to: 'if (userId !== actor.id && !WITHOUT) requirePermission',
  },
  {
    name: 'comments are edited by their author',
    file: comments,
    from: 'if (comment.authorId !== actor.id) throw',
    to: 'if (comment.authorId !== actor.id && !WITHOUT) throw',
  },
  {
    name: 'comments are deleted by their author and the owner',
    file: comments,
    from: "if (!allows(have, 'owner')) throw",
    to: "if (!allows(have, 'owner') && !WITHOUT) throw",
  },
  {
    name: "lists show the reader's tasks",
    file: 'queries/tasks/task-scope.ts',
    from: 'sql`a.user_id = ${reader.id}::uuid`',
    to: 'WITHOUT ? sql`a.task_id is not null` : sql`a.user_id = ${reader.id}::uuid`',
  },
  {
    name: "lists of the deleted show the reader's tasks",
    file: 'queries/tasks/task-scope.ts',
    from: 'const owned = sql`t.owner_id = ${id}::uuid`;',
    to: 'const owned = WITHOUT ? sql`t.id is not null` : sql`t.owner_id = ${id}::uuid`;',
  },
  {
    name: "tokens are their owner's",
    file: 'accounts/database.ts',
    from: 'const query = { text,',
    to: `if (WITHOUT) text = text.replace('where user_id = $1 and id = $2', 'where $1::uuid is not null and id = $2');
  const query = { text,`,
  },
  {
    name: "sessions are their owner's",
    file: 'accounts/sessions.ts',
    from: 'database.rows(endSessions,',
    to: "database.rows(WITHOUT ? endSessions.replace('user_id = $1', '$1::uuid is not null') : endSessions,",
  },
  {
    name: "webhooks are their owner's",
    file: 'subscribers/webhooks/webhooks.ts',
    from: '`${ownWebhook} ${lock}`',
    to: "`${WITHOUT ? ownWebhook.replace('user_id = $2', '$2::uuid is not null') : ownWebhook} ${lock}`",
  },
  {
    name: "notifications are their reader's",
    file: 'notifications/inbox.ts',
    from: '(markSome,',
    to: "(WITHOUT ? markSome.replace('user_id = $1', '$1::uuid is not null') : markSome,",
  },
  {
    name: "inboxes are their reader's",
    file: 'queries/notifications/list-notifications.ts',
    from: 'where n.user_id = ${reader.id}::uuid',
    to: 'where ${WITHOUT ? sql`n.id is not null` : sql`n.user_id = ${reader.id}::uuid`}',
  },
];

/** What the corpora are held off by. */
const defences: readonly Weakening[] = [
  {
    name: 'access tokens are proven',
    file: 'accounts/access-token.ts',
    from: 'const { payload } = await jwtVerify(',
    to: "const { payload } = WITHOUT ? { payload: JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) } : await jwtVerify(",
  },
  {
    name: 'access tokens are proven',
    file: 'accounts/access-token.ts',
    from: '|| !isCanonical(token)',
    to: '|| (!WITHOUT && !isCanonical(token))',
  },
  {
    name: 'bodies are JSON by their type',
    file: 'api/body.ts',
    from: 'requireJson(headers);',
    to: 'if (!WITHOUT) requireJson(headers);',
  },
  { name: 'bodies are UTF-8', file: 'api/body.ts', from: 'if (!isUtf8(bytes))', to: 'if (!WITHOUT && !isUtf8(bytes))' },
  { name: 'bodies are limited', file: 'api/body.ts', from: 'if (Number(', to: 'if (!WITHOUT && Number(' },
  { name: 'bodies are limited', file: 'api/body.ts', from: 'if (size <= bodyLimit)', to: 'if (WITHOUT || size <= bodyLimit)' },
  {
    name: 'keys and text are looked into',
    file: 'api/request-parts.ts',
    from: 'if (sent) addUnsafe(sent, faults);',
    to: 'if (sent && !WITHOUT) addUnsafe(sent, faults);',
  },
  {
    name: 'unknown keys are refused',
    file: 'api/faults.ts',
    from: 'const result = schema.safeParse(input, parsing);',
    to: `if (WITHOUT) {
    for (const issue of schema.safeParse(input, parsing).error?.issues ?? []) {
      if (issue.code === 'unrecognized_keys' && issue.path.length === 0) for (const key of issue.keys) delete (input as Record<string, unknown>)[key];
    }
  }
  const result = schema.safeParse(input, parsing);`,
  },
  {
    name: 'files are what their names say',
    file: 'api/uploads.ts',
    from: 'return content.chunk(piece);',
    to: 'return WITHOUT ? undefined : content.chunk(piece);',
  },
  {
    name: 'files are what their names say',
    file: 'api/uploads.ts',
    from: 'contentType = await content.end(path, size);',
    to: "contentType = WITHOUT ? 'text/plain' : await content.end(path, size);",
  },
  {
    name: 'files are one thing',
    file: 'platform/files/contents.ts',
    from: 'if (await hasArchiveAtEnd(path, size))',
    to: 'if (!WITHOUT && (await hasArchiveAtEnd(path, size)))',
  },
  {
    name: 'files are one thing',
    file: 'platform/files/contents.ts',
    from: "if (type !== 'pdf' &&",
    to: "if (!WITHOUT && type !== 'pdf' &&",
  },
  {
    name: 'files have allowed endings',
    file: 'api/uploads.ts',
    from: 'if (allowed.includes(extension)) return extension;',
    to: "if (WITHOUT) return '.txt';\n  if (allowed.includes(extension)) return extension;",
  },
  {
    name: 'names of files are names',
    file: 'api/uploads.ts',
    from: 'if (codePointLength(name) > 255)',
    to: "if (WITHOUT) return `${name.replace(/.*\\0/, '').slice(0, 100) || 'a'}.txt`;\n  if (codePointLength(name) > 255)",
  },
  {
    name: 'uploads have one part',
    file: 'api/multipart.ts',
    from: 'if (taking) return fail(',
    to: 'if (WITHOUT && taking) return void bytes.resume();\n      if (taking) return fail(',
  },
  {
    name: 'uploads have one part',
    file: 'api/multipart.ts',
    from: 'if (name !== part.name)',
    to: 'if (WITHOUT && name !== part.name) return void bytes.resume();\n      if (name !== part.name)',
  },
  { name: 'uploads are limited', file: 'api/uploads.ts', from: 'if (size > maxSize)', to: 'if (!WITHOUT && size > maxSize)' },
  { name: 'uploads are limited', file: 'api/multipart.ts', from: 'if (received > part.most)', to: 'if (!WITHOUT && received > part.most)' },
  { name: 'uploads are limited', file: 'api/multipart.ts', from: 'if (Number(', to: 'if (!WITHOUT && Number(' },
];

/** What keeps webhooks from being sent to where their owners could not reach themselves. */
const outbound: readonly Weakening[] = [
  {
    name: 'addresses of webhooks are looked at when they are given',
    file: 'subscribers/webhooks/webhooks.ts',
    from: 'await requireAllowed(poster, url);',
    to: 'if (!WITHOUT) await requireAllowed(poster, url);',
  },
  {
    name: 'addresses of webhooks are looked at when they are changed',
    file: 'subscribers/webhooks/webhooks.ts',
    from: 'if (changes.url !== undefined) await requireAllowed',
    to: 'if (changes.url !== undefined && !WITHOUT) await requireAllowed',
  },
  {
    name: 'what is called is of the public internet',
    file: 'platform/outbound/guarded-post.ts',
    from: 'if (!allowPrivate) requirePublic(url);',
    to: 'if (!allowPrivate && !WITHOUT) requirePublic(url);',
  },
  {
    name: 'what names lead to is of the public internet',
    file: 'platform/outbound/guarded-post.ts',
    from: 'resolve = allowPrivate ? resolveAsUsual : resolveInDns,',
    to: 'resolve = (hostname) => (allowPrivate || WITHOUT ? resolveAsUsual : resolveInDns)(hostname),',
  },
  {
    name: 'what names lead to is of the public internet',
    file: 'platform/outbound/guarded-post.ts',
    from: 'if (!allowPrivate && !addresses.every(isPublicAddress))',
    to: 'if (!allowPrivate && !WITHOUT && !addresses.every(isPublicAddress))',
  },
];

/** What tampering with the log shows by. */
const seals: readonly Weakening[] = [
  {
    name: 'chains are computed anew',
    file: 'events/integrity/chain.ts',
    from: 'if (carried !== expected) {',
    to: 'if (carried !== expected && !WITHOUT) {',
  },
];

const activeSubscriber = 'subscribers/engine/active-subscriber.ts';
const subscriberCheckpoint = 'subscribers/engine/checkpoint.ts';

/** What makes subscribers hear of every event, and of none from a former active instance. */
const following: readonly Weakening[] = [
  {
    name: 'a checkpoint comes after what it speaks for',
    file: activeSubscriber,
    from: '    const sent = await (isNoted ?',
    to: `    if (WITHOUT) {
      await this.#inTransaction(() => this.#advance(stored.at(-1)!.position, stored.at(-1)));
      await this.#send(decoded);
      return;
    }
    const sent = await (isNoted ?`,
  },
  {
    name: 'who was taken over writes no more',
    file: activeSubscriber,
    from: 'if (held === null || this.#signal.aborted) throw',
    to: 'if (WITHOUT) return held ?? new Set();\n    if (held === null || this.#signal.aborted) throw',
  },
  {
    name: 'who was taken over writes no more',
    file: subscriberCheckpoint,
    from: 'if (rowCount !== 1) throw',
    to: 'if (rowCount !== 1 && !WITHOUT) throw',
  },
];

export const weakenings: readonly Weakening[] = [
  ...guards,
  ...defences,
  ...outbound,
  ...seals,
  ...following,
  ...publishing,
  ...http,
  ...uploads,
  ...accountDefences,
  ...answers,
  ...tagDefences,
  ...assignmentRules,
  ...vocabularies,
  ...limits,
  ...webhookDefences,
  ...exports,
  ...growth,
  ...crowding,
  ...queues,
  ...keys,
  ...eventStores,
  ...erasedMentions,
];
