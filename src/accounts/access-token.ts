import { randomUUID } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { deriveKey } from '../events/keys/data-key.ts';
import { Id } from '../events/values.ts';
import { Rejection } from '../rejection.ts';

/** What an access token says: who, in which session, until when. */
export interface AccessClaims {
  userId: string;
  sessionId: string;
  /** Unix time in milliseconds. */
  expiresAt: number;
}

export interface AccessTokens {
  /** Seconds from issue to expiry. */
  readonly lifetime: number;
  issue(who: { userId: string; sessionId: string }): Promise<string>;
  /** The claims of a token that was verified before and has not expired; undefined for one that must be verified. */
  verified(token: string): AccessClaims | undefined;
  /** @throws Rejection TOKEN_INVALID, TOKEN_EXPIRED */
  verify(token: string): Promise<AccessClaims>;
}

const ALGORITHM = 'HS256';
/** RFC 9068's type, so that no other token signed with this key can stand in for one. */
const TYPE = 'at+jwt';
const ISSUER = 'tasktrail';
const AUDIENCE = 'tasktrail-api';
const LONGEST = 2048;
const CACHED = 20_000;

const Claims = z.object({ sub: Id, sid: Id, exp: z.int() });

/** Verifying costs a hundred microseconds, knowing a token again less than one: a verified token is remembered until it expires. */
export function createAccessTokens(secretKey: string, lifetimeMinutes: number, clock: () => Date): AccessTokens {
  const key = deriveKey(secretKey, 'access tokens');
  const known = new LRUCache<string, AccessClaims>({ max: CACHED });
  const lifetime = lifetimeMinutes * 60;
  const expected = { algorithms: [ALGORITHM], typ: TYPE, issuer: ISSUER, audience: AUDIENCE, requiredClaims: ['sub', 'sid', 'exp'] };
  return {
    lifetime,
    issue({ userId, sessionId }) {
      const now = Math.floor(clock().getTime() / 1000);
      const claims = { iss: ISSUER, aud: AUDIENCE, sub: userId, sid: sessionId, iat: now, exp: now + lifetime, jti: randomUUID() };
      return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, typ: TYPE }).sign(key);
    },
    verified(token) {
      const claims = known.get(token);
      return claims && claims.expiresAt > clock().getTime() ? claims : undefined;
    },
    async verify(token) {
      if (token.length > LONGEST || !isCanonical(token)) throw invalid();
      const { payload } = await jwtVerify(token, key, { ...expected, currentDate: clock() }).catch((error) => {
        throw error instanceof errors.JWTExpired ? new Rejection('TOKEN_EXPIRED', 'The access token has expired') : invalid();
      });
      const { success, data } = Claims.safeParse(payload);
      if (!success) throw invalid();
      const claims = { userId: data.sub, sessionId: data.sid, expiresAt: data.exp * 1000 };
      known.set(token, claims);
      return claims;
    },
  };
}

/** A token has one spelling: base64url is read with padding too, and whatever is in the bits to spare of its last character. */
function isCanonical(token: string): boolean {
  return token.split('.').every((part) => Buffer.from(part, 'base64url').toString('base64url') === part);
}

function invalid(): Rejection {
  return new Rejection('TOKEN_INVALID', 'The access token is not valid');
}
