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
export type State = (typeof states)[number];

/** What somebody is to an object. */
export type Relation = 'none' | 'viewer' | 'editor' | 'assignee' | 'owner' | 'admin';

interface Rule {
  by: readonly Relation[];
  /** What refuses those who see the task and may not: 403 FORBIDDEN unless said otherwise. */
  else?: Outcome;
  /** What refuses some of them sooner. */
  orElse?: Partial<Record<Relation, Outcome>>;
}

const withAnyAccess: readonly Relation[] = ['viewer', 'editor', 'assignee', 'owner', 'admin'];
const withEdit: readonly Relation[] = ['editor', 'assignee', 'owner', 'admin'];
const noShare = '404 SHARE_NOT_FOUND';

/** What may be done with a task: the rows of the contract's table. */
const deeds = {
  read: { by: withAnyAccess },
  'comment, edit and delete own comments': { by: withAnyAccess },
  "edit another's comment": { by: [] },
  // A deleted comment is there for whoever deleted it, and for the owner.
  "restore another's comment": { by: ['owner', 'admin'], else: '404 COMMENT_NOT_FOUND' },
  edit: { by: withEdit },
  'assign to someone who has access': { by: withEdit },
  'assign to anyone active': { by: ['owner', 'admin'], else: '403 ASSIGNEE_HAS_NO_ACCESS', orElse: { viewer: '403 FORBIDDEN' } },
  "give back one's own assignment": { by: ['assignee', 'owner', 'admin'] },
  manage: { by: ['owner', 'admin'] },
  force: { by: ['assignee', 'owner', 'admin'] },
  leave: { by: ['viewer', 'editor'], else: noShare },
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
  const isThere = state === 'own' || state === 'shared' || state === 'revoked';
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
  if (caller === 'viewer' || caller === 'editor' || caller === 'assignee') {
    return state === 'shared' || state === 'deleted' ? caller : 'none';
  }
  return caller === 'stranger' || caller === 'anonymous' ? 'none' : 'owner';
}
