import { LRUCache } from 'lru-cache';

/** By which words of a text users whose accounts are erased are recognized. */
export interface ErasedNames {
  /**
   * The digests of every username that these users have had, by user id, of those whose accounts are erased alone.
   * May throw DatabaseUnavailable.
   */
  digestsOf(ids: Iterable<string>): Promise<ReadonlyMap<string, ReadonlySet<string>>>;
}

export type NameQuery = (text: string, values: unknown[]) => Promise<{ id: string; digests: string[] | null }[]>;

const CACHE_SIZE = 50_000;
const NONE: ReadonlySet<string> = new Set();

const digestsOfErased = `
  select wanted.id, array_agg(encode(held.digest, 'hex')) filter (where held.digest is not null) as digests
    from unnest($1::uuid[]) as wanted (id)
    left join accounts.users as account on account.id = wanted.id
    left join accounts.held_usernames as held on held.user_id = wanted.id
   where account.username is null
   group by wanted.id`;

// Accounts that were erased before usernames were kept by user left only their digests.
const digestsOfUnknown = `select encode(digest, 'hex') as id, null as digests from accounts.retired_usernames as retired
  where not exists (select from accounts.held_usernames as held where held.digest = retired.digest)`;

/** Kept in memory until `forget`, which is called when an account changes. */
export function createErasedNames(query: NameQuery): ErasedNames & { forget(userId: string | null): void } {
  const cache = new LRUCache<string, ReadonlySet<string>>({ max: CACHE_SIZE });
  let forgotten = 0;

  const read = async (ids: readonly string[]): Promise<ReadonlyMap<string, ReadonlySet<string>>> => {
    const rows = await query(digestsOfErased, [ids]);
    const unattributed = rows.some(({ digests }) => digests === null) ? await query(digestsOfUnknown, []) : [];
    const unknown: ReadonlySet<string> = unattributed.length > 0 ? new Set(unattributed.map(({ id }) => id)) : NONE;
    return new Map(rows.map(({ id, digests }) => [id, digests === null ? unknown : new Set(digests)]));
  };

  return {
    async digestsOf(ids) {
      const found = new Map<string, ReadonlySet<string>>();
      const missing: string[] = [];
      for (const id of ids) {
        const digests = cache.get(id);
        if (digests === undefined) missing.push(id);
        else if (digests.size > 0) found.set(id, digests);
      }
      if (missing.length === 0) return found;
      const forgottenBefore = forgotten;
      const names = await read(missing);
      for (const id of missing) {
        const digests = names.get(id) ?? NONE;
        if (digests.size > 0) found.set(id, digests);
        // What was forgotten meanwhile may be what was just read.
        if (forgotten === forgottenBefore) cache.set(id, digests);
      }
      return found;
    },
    forget(userId) {
      forgotten++;
      if (userId === null) cache.clear();
      else cache.delete(userId);
    },
  };
}
