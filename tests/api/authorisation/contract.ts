/**
 * Who may, as the contract says it: written from its words, and from nothing in the service. What a call is answered with follows
 * from four things: who calls, with what, what the call is, and how the object stands.
 */

/** Who calls. Those with a token or a session of the owner's are the owner, as far as that is good for. */
export const callers = [
  'anonymous',
  'stranger',
  'viewer',
  'editor',
  'assignee',
  'owner',
  'admin',
  'disabled account',
  'ended session',
  'token with the scope',
  'token without the scope',
  'revoked token',
  'token of a disabled account',
] as const;
export type CallerKind = (typeof callers)[number];

/** How the object stands: the owner's alone; shared with viewer and editor and assigned; all that taken back; deleted; never there. */
export const states = ['own', 'shared', 'revoked', 'deleted', 'absent', 'no id at all'] as const;
/**
 * How the assignment stands that is looked at from the assignee, with what the assignee is in each. One that the owner made gives access; one
 * that an editor or the assignee made gives none, so that the assignee's share counts, as it now is.
 */
export const assignments = {
  'assigned by the owner to a viewer': 'assigned viewer',
  'assigned by the owner to an editor': 'assigned editor',
  'assigned by the owner to an editor who became a viewer': 'assigned viewer',
  'assigned by the owner to an editor whose share was revoked': 'assignee',
  'assigned by an editor to an editor': 'bare editor',
  'assigned by an editor to an editor who became a viewer': 'bare viewer',
  'assigned by an editor to an editor whose share was revoked': 'none',
  'assigned by themselves to an editor who became a viewer': 'bare viewer',
} as const satisfies Record<string, Relation>;
export type AssignmentState = keyof typeof assignments;
export const assignmentStates = Object.keys(assignments) as AssignmentState[];
export type State = (typeof states)[number] | AssignmentState;

/** What a user is to an object. An assignee has no share, a bare one an assignment that gives no access. */
export type Relation =
  | 'none'
  | 'viewer'
  | 'editor'
  | 'assignee'
  | 'assigned viewer'
  | 'assigned editor'
  | 'bare viewer'
  | 'bare editor'
  | 'owner'
  | 'admin';

interface Rule {
  by: readonly Relation[];
  /** What refuses those who see the task and may not: 403 FORBIDDEN unless said otherwise. */
  else?: Outcome;
  /** What refuses some of them sooner. */
  orElse?: Partial<Record<Relation, Outcome>>;
}

/** By an assignment that gives access. */
const assignedWithAccess: readonly Relation[] = ['assignee', 'assigned viewer', 'assigned editor'];
const assignees: readonly Relation[] = [...assignedWithAccess, 'bare viewer', 'bare editor'];
/** With EDIT, on a task that is not assigned to another user whose only access the assignment is. */
const freeToAssign: readonly Relation[] = [...assignedWithAccess, 'bare editor', 'owner', 'admin'];
const withEdit: readonly Relation[] = ['editor', ...freeToAssign];
const withAnyAccess: readonly Relation[] = ['viewer', 'bare viewer', ...withEdit];
export const withShare: readonly Relation[] = ['viewer', 'editor', 'assigned viewer', 'assigned editor', 'bare viewer', 'bare editor'];
const noShare = '404 SHARE_NOT_FOUND';

/** What may be done with a task: the rows of the contract's table. */
const deeds = {
  read: { by: withAnyAccess },
  'comment, edit and delete own comments': { by: withAnyAccess },
  "edit another's comment": { by: [] },
  // A deleted comment is there for whoever deleted it, and for the owner.
  "restore another's comment": { by: ['owner', 'admin'], else: '404 COMMENT_NOT_FOUND' },
  edit: { by: withEdit },
  'assign to a user who may edit': { by: freeToAssign },
  'assign to anyone active': {
    by: ['owner', 'admin'],
    else: '403 ASSIGNEE_HAS_NO_ACCESS',
    orElse: { viewer: '403 FORBIDDEN', 'bare viewer': '403 FORBIDDEN' },
  },
  'end an assignment': { by: [...assignees, 'owner', 'admin'] },
  'edit and end an assignment': { by: freeToAssign },
  manage: { by: ['owner', 'admin'] },
  force: { by: [...assignedWithAccess, 'owner', 'admin'] },
  leave: { by: withShare, else: noShare },
} as const satisfies Record<string, Rule>;
export type Deed = keyof typeof deeds;

/** What a personal access token must have for a call; `session` where no token will do, null where any will. */
export type TokenNeeds = 'tasks:read' | 'tasks:write' | 'events:read' | 'webhooks:manage' | 'admin' | 'session' | null;

/** Whom a call is for. */
export type For =
  | 'everybody'
  | 'the signed in'
  | 'admins'
  /** Something that is its owner's alone, and absent for everybody else. */
  | { theOwnerOf: string }
  /** A task: a deleted one is absent, unless the call is one of those that owner and admins may do with it. */
  | { task: Deed; deletedToo?: boolean };

export type Outcome = 'done' | `${401 | 403 | 404} ${string}`;

export interface Asked {
  caller: CallerKind;
  state: State;
  for: For;
  token: TokenNeeds;
  /** What it is the absence of, where there is none; undefined for a call that names nothing. */
  absent: string | undefined;
}

const ended: Partial<Record<CallerKind, Outcome>> = {
  anonymous: '401 NOT_AUTHENTICATED',
  'disabled account': '401 SESSION_ENDED',
  'ended session': '401 SESSION_ENDED',
  'revoked token': '401 SESSION_ENDED',
  'token of a disabled account': '401 SESSION_ENDED',
};

export function outcomeByContract({ caller, state, for: whom, token, absent }: Asked): Outcome {
  if (whom === 'everybody') return 'done';
  const unknown = ended[caller];
  if (unknown) return unknown;
  if (token === 'session' && isToken(caller)) return '403 SESSION_REQUIRED';
  if (caller === 'token without the scope') return '403 INSUFFICIENT_SCOPE';
  const notThere: Outcome = `404 ${absent}`;
  const isThere = state === 'own' || state === 'shared' || state === 'revoked' || state in assignments;
  if (whom === 'the signed in') return 'done';
  if (whom === 'admins') {
    if (!isAdmin(caller, whom)) return '403 ADMIN_ONLY';
    return isThere || absent === undefined ? 'done' : notThere;
  }
  const relation = relationOf(caller, state);
  if ('theOwnerOf' in whom) return isThere && relation === 'owner' ? 'done' : notThere;
  if (state === 'deleted' && !(whom.deletedToo && (relation === 'owner' || relation === 'admin'))) return notThere;
  if (relation === 'none') return notThere;
  const deed: Rule = deeds[whom.task];
  return deed.by.includes(relation) ? 'done' : (deed.orElse?.[relation] ?? deed.else ?? '403 FORBIDDEN');
}

/** Whether it is who calls, and not what it calls for, that is refused. */
export function isStoppedAtTheDoor(caller: CallerKind): boolean {
  return caller in ended || caller === 'token without the scope';
}

export function isToken(caller: CallerKind): boolean {
  return caller.includes('token');
}

/** The tokens of admin calls are an admin's. */
export function isAdmin(caller: CallerKind, whom: For): boolean {
  return caller === 'admin' || (whom === 'admins' && isToken(caller));
}

/** What a caller is to the object that all of them are tried on. */
export function relationOf(caller: CallerKind, state: State): Relation {
  if (state === 'absent' || state === 'no id at all') return 'none';
  if (caller === 'admin') return 'admin';
  if (caller === 'assignee' && state in assignments) return assignments[state as AssignmentState];
  if (caller === 'viewer' || caller === 'editor' || caller === 'assignee') {
    return state === 'shared' || state === 'deleted' ? caller : 'none';
  }
  return caller === 'stranger' || caller === 'anonymous' ? 'none' : 'owner';
}
