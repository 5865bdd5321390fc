import { Rejection } from '../rejection.ts';
import type { AccessTokens } from './access-token.ts';
import type { Caller } from './caller.ts';
import type { KnownCallers } from './known-callers.ts';

/**
 * Who makes the request that carries this `Authorization` header.
 * @throws Rejection NOT_AUTHENTICATED, TOKEN_INVALID, TOKEN_EXPIRED, SESSION_ENDED
 */
export type Authenticate = (authorization: string | undefined) => Promise<Caller>;

export function createAuthenticate(tokens: AccessTokens, callers: KnownCallers): Authenticate {
  return async (authorization) => {
    const token = bearerToken(authorization);
    const { userId, sessionId } = tokens.verified(token) ?? (await tokens.verify(token));
    const caller = callers.recall(userId, sessionId) ?? (await callers.ask(userId, sessionId));
    if (!caller) throw new Rejection('SESSION_ENDED', 'The session has ended; sign in again');
    return caller;
  };
}

function bearerToken(authorization: string | undefined): string {
  const token = authorization && /^bearer +([^\s,]+)$/i.exec(authorization)?.[1];
  if (!token) throw new Rejection('NOT_AUTHENTICATED', 'Sign in first, and send the access token as a bearer token');
  return token;
}
