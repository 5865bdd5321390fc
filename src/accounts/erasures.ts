import { Rejection } from '../rejection.ts';
import type { AccountCall } from './account-call.ts';
import { byAdmin } from './account-changes.ts';
import type { SessionCaller } from './caller.ts';
import type { Database } from './database.ts';
import {
  claimUnsettled,
  type Erasure,
  type ErasureWish,
  forgetTraces,
  heirOf,
  type InLog,
  isDone,
  isTold,
  type KnownWish,
  markDone,
  notErased,
  recordErased,
  reopen,
  repeatErasure,
  touchErasure,
  wishErasure,
  wishesSince,
} from './erasure.ts';
import type { PasswordHasher } from './password-hasher.ts';
import type { SecurityLog } from './security-log.ts';

/** The account's part of erasing somebody, and how far the rest of it has come. All may throw DatabaseUnavailable. */
export interface Erasures {
  /**
   * Whoever shows the password is erased: their account at once, with all that is in it. The rest is to be done by others.
   * @throws Rejection PASSWORD_INCORRECT, USER_NOT_FOUND, LAST_ADMIN, SESSION_ENDED, OVERLOADED
   */
  wish(caller: SessionCaller, asked: { password: string; transferTo: string | null }, call: AccountCall): Promise<void>;
  /** The same by an admin. @throws Rejection USER_NOT_FOUND, LAST_ADMIN, ADMIN_ONLY */
  wishFor(userId: string, transferTo: string | null, caller: SessionCaller, call: AccountCall): Promise<void>;
  /** Does again what was wished before the database was restored. @returns whether there was anything to do */
  repeat(wish: ErasureWish, inLog: InLog): Promise<boolean>;
  /** Those of these accounts that are there and not erased. */
  notErased(userIds: readonly string[]): Promise<string[]>;
  /** All that were wished from a time on, oldest first. */
  wishes(since: Date): Promise<KnownWish[]>;
  /** Has these done again, by whoever claims them next. */
  reopen(userIds: readonly string[]): Promise<void>;
  /** Those that nobody is at and that are not done with. */
  claim(): Promise<string[]>;
  /** Says that somebody is at it. @returns null when nobody wished it */
  touch(userId: string): Promise<Erasure | null>;
  heirOf(userId: string): Promise<string | null>;
  forgetTraces(userId: string): Promise<void>;
  /** Has other instances forget what they know of the person, and what sealed their text. */
  announce(userId: string): Promise<void>;
  /** Puts the done on its way into the log. */
  recordErased(erasure: Erasure): Promise<void>;
  /** Tries to bring what is on its way into the log. @returns whether all of this person's is there */
  tell(userId: string): Promise<boolean>;
  markDone(userId: string): Promise<void>;
  isDone(userId: string): Promise<boolean>;
}

export interface ErasuresParts {
  database: Database;
  hasher: PasswordHasher;
  security: Pick<SecurityLog, 'record' | 'flush'>;
  clock: () => Date;
  /** Puts in force here what was committed of somebody's account, and waits, not for long, until it is in the log of events. */
  changed(userId: string): Promise<void>;
  /** Tries to append what waits. */
  flush(): Promise<void>;
}

export function createErasures({ database, hasher, security, clock, changed, flush }: ErasuresParts): Erasures {
  const wish: Erasures['wish'] = async (caller, { password, transferTo }, call) => {
    const [account] = await database.rows<{ hash: string }>(
      'select password_hash as hash from accounts.users where id = $1 and erased_at is null',
      [caller.id],
    );
    if (!account) throw new Rejection('SESSION_ENDED', 'The account is gone');
    const { matches } = await hasher.verify(account.hash, password, caller.id);
    if (!matches) throw new Rejection('PASSWORD_INCORRECT', 'This is not your password');
    const by = { id: caller.id, kind: 'user', sessionId: caller.sessionId } as const;
    // Changed meanwhile, or hashed anew by a login: it is asked again whether the one that was shown is right.
    if (!(await wishErasure(database, { userId: caller.id, transferTo, by, call }, clock(), account.hash)))
      return wish(caller, { password, transferTo }, call);
    await changed(caller.id);
  };

  return {
    wish,
    async wishFor(userId, transferTo, caller, call) {
      await wishErasure(database, { userId, transferTo, by: byAdmin(caller), call }, clock());
      const { ip, requestId } = call;
      if (userId !== caller.id) security.record({ kind: 'account_erased', userId, actorId: caller.id, ip, requestId });
      await changed(userId);
    },
    async repeat(repeated, inLog) {
      if (!(await repeatErasure(database, repeated, clock(), inLog))) return false;
      await changed(repeated.userId);
      return true;
    },
    notErased: (userIds) => notErased(database, userIds),
    wishes: (since) => wishesSince(database, since),
    reopen: (userIds) => reopen(database, userIds),
    claim: () => claimUnsettled(database),
    touch: (userId) => touchErasure(database, userId),
    heirOf: (userId) => heirOf(database, userId),
    async forgetTraces(userId) {
      await security.flush();
      await forgetTraces(database, userId);
    },
    announce: async (userId) => void (await database.rows('select accounts.announce_change($1)', [userId])),
    recordErased: (erasure) => recordErased(database, erasure, clock()),
    async tell(userId) {
      await flush();
      return isTold(database, userId);
    },
    markDone: (userId) => markDone(database, userId),
    isDone: (userId) => isDone(database, userId),
  };
}
