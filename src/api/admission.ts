import type { Caller, TokenCaller } from '../accounts/caller.ts';
import { grants, type Scope } from '../accounts/scope.ts';
import { Rejection } from '../rejection.ts';
import type { Needs } from './route.ts';

type Guarded = Exclude<Needs, 'open'>;

/** What a personal access token must have been given for a route; null where none will do. */
export function scopesFor({ scope, admin, session }: Guarded): Scope[] | null {
  if (session) return null;
  return [...(scope === null ? [] : [scope]), ...(admin && scope !== 'admin' ? (['admin'] as const) : [])];
}

/**
 * Whether a caller may use a route at all, by what it needs; the objects of the request are judged by its command or query.
 * @throws Rejection SESSION_REQUIRED, INSUFFICIENT_SCOPE, ADMIN_ONLY
 */
export function requireAdmission(needs: Guarded, caller: Caller): void {
  if (caller.token) requireScopes(needs, caller.token.scopes);
  if (needs.admin && !caller.isAdmin) throw new Rejection('ADMIN_ONLY', 'This is for admins only');
}

/** What the rest of a request finds to be for admins only is, to a token without the scope, the scope's lack. */
export async function withinScopes<T>({ token }: TokenCaller, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const forAdmins = error instanceof Rejection && error.code === 'ADMIN_ONLY';
    throw forAdmins && !grants(token.scopes, 'admin') ? insufficient('admin', token.scopes) : error;
  }
}

function requireScopes(needs: Guarded, have: readonly Scope[]): void {
  const needed = scopesFor(needs);
  if (needed === null) throw new Rejection('SESSION_REQUIRED', 'No personal access token will do for this; sign in');
  const lacking = needed.find((scope) => !grants(have, scope));
  if (lacking !== undefined) throw insufficient(lacking, have);
}

function insufficient(needed: Scope, have: readonly Scope[]): Rejection {
  return new Rejection('INSUFFICIENT_SCOPE', `This needs a token with the scope '${needed}'`, [{ needed, have }]);
}
