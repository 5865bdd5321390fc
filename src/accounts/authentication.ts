import { Rejection } from '../rejection.ts';
import type { AccessTokens } from './access-token.ts';
import type { Caller } from './caller.ts';
import type { KnownCallers } from './known-callers.ts';
import { isPersonal } from './personal-token.ts';
import type { PersonalTokenProofs } from './personal-token-proof.ts';
import type { SessionUse } from './session-use.ts';

/**
 * Who makes the request that carries this `Authorization` header.
 * @throws Rejection NOT_AUTHENTICATED, TOKEN_INVALID, TOKEN_EXPIRED, SESSION_ENDED
 */
export type Authenticate = (authorization: string | undefined, asker?: Asker) => Promise<Caller>;

/** Is told whose token it is, also when that is not let in. */
export interface Asker {
  userId: string | null;
}

export interface AuthenticationParts {
  tokens: AccessTokens;
  personal: PersonalTokenProofs;
  callers: KnownCallers;
  use: SessionUse;
}

export function createAuthenticate({ tokens, personal, callers, use }: AuthenticationParts): Authenticate {
  return async (authorization, asker) => {
    const token = bearerToken(authorization);
    if (isPersonal(token)) {
      const { userId, tokenId } = await personal.verify(token);
      if (asker) asker.userId = userId;
      return requireAlive(callers.recall(userId, tokenId) ?? (await callers.ask(userId, { tokenId })), 'This token was revoked');
    }
    const { userId, sessionId } = tokens.verified(token) ?? (await tokens.verify(token));
    if (asker) asker.userId = userId;
    const caller = callers.recall(userId, sessionId) ?? (await callers.ask(userId, { sessionId }));
    use.note(sessionId);
    return requireAlive(caller, 'The session has ended; sign in again');
  };
}

function requireAlive(caller: Caller | null, otherwise: string): Caller {
  if (!caller) throw new Rejection('SESSION_ENDED', otherwise);
  return caller;
}

function bearerToken(authorization: string | undefined): string {
  const token = authorization && /^bearer +([^\s,]+)$/i.exec(authorization)?.[1];
  if (!token) throw new Rejection('NOT_AUTHENTICATED', 'Sign in first, and send the access token as a bearer token');
  return token;
}
