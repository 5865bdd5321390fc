import { type Cell, nameOf } from './cells.ts';
import { isToken, relationOf, type State } from './contract.ts';

/** A guard of the service, and the cells of the matrix that are as they should be because of it alone. */
export interface Guard {
  /** Of the weakenings that take it away. */
  names: readonly string[];
  holds(cell: Cell): boolean;
  /** A state that they have to be seen beside. */
  beside?: State;
  /** What was done without it is not undone when it is back. */
  lasting?: true;
}

const refusal = (expected: string) => (cell: Cell) => cell.expected === expected;
const related = ({ caller, state }: Cell) => relationOf(caller, state) !== 'none';
const isDeed = ({ row }: Cell, ...some: string[]) => typeof row.for === 'object' && 'task' in row.for && some.includes(row.for.task);
const isAt = ({ route }: Cell, ...some: string[]) => some.includes(nameOf(route));
const on = (method: string, path: string) => `${method} /tasks/:task_id${path}`;
const ownComments = 'comment, edit and delete own comments';

/** Where another's comment is what is refused, not the task. */
const isComment = ({ row }: Cell) => row.comment !== undefined;
const isAssignment = (cell: Cell) => isDeed(cell, 'assign to a user who may edit', 'end an assignment', 'edit and end an assignment');
const isBareViewer = ({ caller, state }: Cell) => relationOf(caller, state) === 'bare viewer';
const isLeaving = (cell: Cell) => isDeed(cell, 'leave');
/** In the query, not by the route. */
const isForAdmins = ({ row, route }: Cell) => row.for === 'admins' && !(route.needs !== 'open' && route.needs.admin);
const needsAdmin = ({ route }: Cell) => route.needs !== 'open' && route.needs.admin === true;
/** What is the caller's own account looks at that account again, and some of it ends the session that it is tried with. */
const isOutside = ({ expected, route }: Cell) => expected.startsWith('401') && !route.path.startsWith('/auth/');
const isHidden = (cell: Cell) => cell.shown === false;

export const guards: readonly Guard[] = [
  { names: ['who is not signed in is nobody'], holds: isOutside },
  { names: ['tokens have scopes'], holds: (cell) => refusal('403 INSUFFICIENT_SCOPE')(cell) && !isForAdmins(cell) },
  {
    names: ['routes are for admins'],
    // The list of everybody's tasks is held by its query too.
    holds: (cell) => refusal('403 ADMIN_ONLY')(cell) && needsAdmin(cell) && !isAt(cell, 'GET /tasks/admin/all'),
  },
  {
    names: ["everybody's tasks are for admins"],
    holds: (cell) => refusal('403 ADMIN_ONLY')(cell) && isAt(cell, 'GET /tasks', 'GET /tasks/stats'),
  },
  {
    names: ["everybody's tasks are for admins", 'routes are for admins'],
    holds: (cell) => refusal('403 ADMIN_ONLY')(cell) && isAt(cell, 'GET /tasks/admin/all'),
  },
  { names: ["others' runs are for admins"], holds: (cell) => refusal('403 ADMIN_ONLY')(cell) && isAt(cell, 'POST /activity/undo') },
  { names: ["others' activity is for admins"], holds: (cell) => refusal('403 ADMIN_ONLY')(cell) && isAt(cell, 'GET /activity') },
  {
    names: ['tasks are seen by who has access'],
    holds: (cell) =>
      /^404 (TASK|FILE)_NOT_FOUND$/.test(cell.expected) && !related(cell) && ['own', 'shared', 'revoked'].includes(cell.state),
  },
  {
    names: ['absent and forbidden are one answer'],
    holds: (cell) =>
      refusal('404 TASK_NOT_FOUND')(cell) && cell.caller === 'stranger' && cell.state === 'absent' && cell.row.states === undefined,
    beside: 'own',
  },
  {
    names: ['seeing is not changing'],
    holds: (cell) =>
      refusal('403 FORBIDDEN')(cell) && !isComment(cell) && !isAssignment(cell) && !isDeed(cell, 'force') && !isBareViewer(cell),
  },
  {
    names: ['deleted is absent'],
    holds: (cell) =>
      refusal('404 TASK_NOT_FOUND')(cell) &&
      cell.state === 'deleted' &&
      (cell.caller === 'owner' || cell.caller === 'admin' || isToken(cell.caller)) &&
      !isComment(cell),
  },
  {
    names: ['deleted is there for its owner and admins alone'],
    holds: (cell) =>
      refusal('404 TASK_NOT_FOUND')(cell) &&
      cell.state === 'deleted' &&
      cell.caller === 'viewer' &&
      !isComment(cell) &&
      (isAt(cell, 'GET /activity/tasks/:task_id') || (cell.route.method !== 'get' && !isLeaving(cell) && !isDeed(cell, ownComments))),
  },
  {
    names: ['only owners assign users who may not edit'],
    // Who is assigned already may be another's only access.
    holds: (cell) => refusal('403 ASSIGNEE_HAS_NO_ACCESS')(cell) && cell.caller === 'assignee',
  },
  {
    names: ["only owners end an assignment that is another's only access"],
    holds: (cell) => refusal('403 FORBIDDEN')(cell) && cell.caller === 'editor' && isAssignment(cell),
  },
  {
    names: ['an assignment without access is worth the share'],
    holds: (cell) => refusal('403 FORBIDDEN')(cell) && isBareViewer(cell) && isDeed(cell, 'edit') && !isComment(cell),
  },
  {
    names: ['force takes an assignment that gives access'],
    holds: (cell) => refusal('403 FORBIDDEN')(cell) && cell.state.startsWith('assigned by an editor') && isDeed(cell, 'force'),
  },
  {
    names: ['shares are seen by the owner'],
    holds: (cell) => isHidden(cell) && isAt(cell, on('GET', '/shares')) && cell.state === 'shared',
  },
  {
    names: ['shares are taken by the owner'],
    holds: (cell) => refusal('403 FORBIDDEN')(cell) && isAt(cell, on('DELETE', '/share/:user')),
  },
  {
    names: ['comments are edited by their author'],
    holds: (cell) => refusal('403 FORBIDDEN')(cell) && isDeed(cell, "edit another's comment"),
  },
  {
    names: ['comments are deleted by their author and the owner'],
    holds: (cell) => refusal('403 FORBIDDEN')(cell) && isAt(cell, on('DELETE', '/comments/:comment_id')),
  },
  {
    names: ["lists show the reader's tasks"],
    holds: (cell) =>
      isHidden(cell) &&
      isAt(cell, 'GET /tasks') &&
      !related(cell) &&
      cell.row.for !== 'admins' &&
      ['own', 'shared', 'revoked'].includes(cell.state) &&
      ['by owner', 'as CSV', 'as ndjson', undefined].includes(cell.row.as),
  },
  {
    names: ["lists of the deleted show the reader's tasks"],
    holds: (cell) => isHidden(cell) && cell.row.as === 'deleted' && cell.state === 'deleted',
  },
  { names: ["tokens are their owner's"], holds: (cell) => isAnothers(cell, 'ACCESS_TOKEN_NOT_FOUND') },
  { names: ["sessions are their owner's"], holds: (cell) => isAnothers(cell, 'SESSION_NOT_FOUND') },
  { names: ["notifications are their reader's"], holds: (cell) => isAnothers(cell, 'NOTIFICATION_NOT_FOUND') },
  {
    names: ["inboxes are their reader's"],
    holds: (cell) => isHidden(cell) && isAt(cell, 'GET /notifications') && cell.state === 'own',
  },
  { names: ["webhooks are their owner's"], holds: (cell) => isAnothers(cell, 'WEBHOOK_NOT_FOUND') },
  // Who was let in once is known from then on.
  {
    names: ['tokens have scopes', "tokens have an admin's powers by their scope"],
    holds: (cell) => refusal('403 INSUFFICIENT_SCOPE')(cell) && cell.row.for === 'admins',
    lasting: true,
  },
  {
    names: ['disabled accounts are out'],
    holds: (cell) => isOutside(cell) && cell.caller === 'disabled account',
    lasting: true,
  },
  {
    names: ['disabled accounts are out'],
    holds: (cell) => isOutside(cell) && cell.caller === 'token of a disabled account',
    lasting: true,
  },
  { names: ['sessions end'], holds: (cell) => isOutside(cell) && cell.caller === 'ended session', lasting: true },
  { names: ['tokens are revoked'], holds: (cell) => isOutside(cell) && cell.caller === 'revoked token', lasting: true },
  // A token logs all of its owner's sessions out.
  { names: ['some things take a session'], holds: refusal('403 SESSION_REQUIRED'), lasting: true },
];

function isAnothers(cell: Cell, code: string): boolean {
  return refusal(`404 ${code}`)(cell) && cell.state === 'own';
}
