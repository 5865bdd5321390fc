import type { Caller } from '../accounts/caller.ts';
import { Rejection } from '../rejection.ts';
import { requireAdmission } from './admission.ts';
import type { ApiRequest } from './api-request.ts';
import { basePath } from './endpoint.ts';
import { isFault } from './error-answer.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Needs, RequestContext, Route } from './route.ts';

/**
 * Who makes a request, by its `Authorization` header. May tell the request whose it is, although that person is not let in.
 * @throws Rejection with NOT_AUTHENTICATED, TOKEN_INVALID, TOKEN_EXPIRED or SESSION_ENDED
 */
export type Authenticate = (
  authorization: string | undefined,
  request: RequestContext & { userId: string | null },
) => Promise<Caller> | Caller;

/** A request is counted to who makes it, or else to its address, as soon as that is known: before its body, and before what it may. */
export interface WhoAsks {
  /** Null for nobody in particular. @throws what a route refuses its caller with */
  callerOf(route: Route, request: ApiRequest): Promise<Caller | null> | null;
  /** Counts a request for something that is not served. */
  countStray(request: ApiRequest): Promise<void>;
}

export function whoAsks(authenticate: Authenticate, limits: RateLimits | undefined): WhoAsks {
  async function admitted(needs: Exclude<Needs, 'open'>, authorization: string | undefined, request: ApiRequest): Promise<Caller> {
    const caller = await known(authorization, request);
    request.userId = caller.id;
    limits?.countUser(request, caller.id);
    requireAdmission(needs, caller);
    return caller;
  }

  async function known(authorization: string | undefined, request: ApiRequest): Promise<Caller> {
    try {
      return await authenticate(authorization, request);
    } catch (error) {
      if (error instanceof Rejection) limits?.countAddress(request);
      else limits?.show(request);
      throw error;
    }
  }

  /** What is open to all is not closed to who comes with a token that has expired, or while tokens cannot be looked up. */
  async function recognised(authorization: string, request: ApiRequest): Promise<Caller | null> {
    let caller: Caller | null = null;
    try {
      caller = await authenticate(authorization, request);
    } catch (error) {
      if (isFault(error)) throw error;
    }
    return caller;
  }

  async function perhaps(authorization: string, request: ApiRequest): Promise<Caller | null> {
    const caller = await recognised(authorization, request);
    if (caller) limits?.countUser(request, caller.id);
    else limits?.countAddress(request);
    return caller;
  }

  return {
    callerOf({ needs, root, undocumented, rejects, isOwned }, request) {
      const { authorization } = request.http.headers;
      if (needs !== 'open') return admitted(needs, authorization, request);
      if (isOwned) return authorization === undefined ? null : recognised(authorization, request);
      if (undocumented || (root && !rejects.includes('RATE_LIMITED'))) return null;
      if (authorization !== undefined) return perhaps(authorization, request);
      limits?.countAddress(request);
      return null;
    },
    async countStray(request) {
      if (!limits || request.http.method === 'OPTIONS' || !request.path.startsWith(basePath)) return;
      const { authorization } = request.http.headers;
      if (authorization === undefined) limits.countAddress(request);
      else await perhaps(authorization, request);
    },
  };
}
