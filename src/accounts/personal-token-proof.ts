import { LRUCache } from 'lru-cache';
import { Rejection } from '../rejection.ts';
import type { Database } from './database.ts';
import { personalTokenDigest } from './personal-token.ts';

/** Whose a personal access token is, and until when: what never changes of it. Whether it still holds is known elsewhere. */
export interface TokenProof {
  userId: string;
  tokenId: string;
}

export interface PersonalTokenProofs {
  /** @throws Rejection TOKEN_INVALID, TOKEN_EXPIRED */
  verify(token: string): Promise<TokenProof>;
}

type Kept = TokenProof & { expiresAt: Date | null };

const CACHED = 20_000;

/** A token that was found once is known again by its digest without asking the database. The tokens themselves are not kept in memory. */
export function createPersonalTokenProofs(database: Database, clock: () => Date): PersonalTokenProofs {
  const known = new LRUCache<string, Kept>({ max: CACHED });

  const find = async (digest: Buffer): Promise<Kept | undefined> => {
    const [found] = await database.rows<Kept>(
      'select id as "tokenId", user_id as "userId", expires_at as "expiresAt" from accounts.access_tokens where digest = $1',
      [digest],
    );
    return found;
  };

  return {
    async verify(token) {
      const digest = personalTokenDigest(token);
      if (digest === null) throw invalid();
      const key = digest.toString('latin1');
      const found = known.get(key) ?? (await find(digest));
      if (!found) throw invalid();
      known.set(key, found);
      if (found.expiresAt !== null && found.expiresAt <= clock()) throw new Rejection('TOKEN_EXPIRED', 'The access token has expired');
      return found;
    },
  };
}

function invalid(): Rejection {
  return new Rejection('TOKEN_INVALID', 'The access token is not valid');
}
