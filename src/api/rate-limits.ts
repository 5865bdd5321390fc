import type pg from 'pg';
import type { Logger } from '../platform/logging.ts';
import { attemptLog } from '../platform/rate-limits/attempt-log.ts';
import { startSharedWindows } from '../platform/rate-limits/shared-windows.ts';
import type { Standing } from '../platform/rate-limits/sliding-windows.ts';
import { Rejection } from '../rejection.ts';
import type { ApiRequest } from './api-request.ts';
import { networkOf } from './client-address.ts';
import { RefusalWithHeaders } from './refusal-with-headers.ts';
import type { LimitedAs } from './route.ts';

/** How often somebody may ask. What is counted is shown in the headers of the answer, whatever the answer is. */
export interface RateLimits {
  /** Counts a request to the person who makes it. @throws RATE_LIMITED */
  countUser(request: ApiRequest, userId: string): void;
  /** Counts a request to the address that it comes from. @throws RATE_LIMITED */
  countAddress(request: ApiRequest): void;
  /** Counts nothing: whose request it is could not be found out. */
  show(request: ApiRequest): void;
  /** Counts an attempt at something that is limited by itself. @throws RATE_LIMITED, DatabaseUnavailable */
  countAttempt(request: ApiRequest, limited: LimitedAs, body: unknown): Promise<void>;
  /** Takes back what `countAttempt` has counted of a look-up that found someone. @throws DatabaseUnavailable */
  forgetLookup(request: ApiRequest): Promise<void>;
  close(): Promise<void>;
}

export interface RateLimitsOptions {
  pool: pg.Pool;
  log: Logger;
  /** Each a minute; 0 for no limit. */
  perMinute: { anonymous: number; user: number; login: number };
  accounts: LoginAccounts;
}

/** Which accounts attempts to sign in are about. Both throw DatabaseUnavailable. */
interface LoginAccounts {
  /** The account of an e-mail address or username; null where there is none. */
  find(login: string): Promise<string | null>;
  /** The addresses from which an account has been signed in to. */
  addressesOf(userId: string): Promise<readonly string[]>;
}

const MINUTE = 60_000;
const HOUR = 3_600_000;
/** Of one account, from all addresses together. */
const LOGINS_OF_ACCOUNT = 100;
const ATTEMPTS_AN_HOUR = 10;
/** Of one user: look-ups of people that find no one. */
const MISSED_LOOKUPS_AN_HOUR = 30;
/** How many people and addresses are remembered. */
const KEYS = 50_000;

export async function startRateLimits({ pool, log, perMinute, accounts }: RateLimitsOptions): Promise<RateLimits> {
  const { anonymous, user, login } = perMinute;
  const window = (limit: number) => ({ limit, length: MINUTE, keys: KEYS });
  const windows = { ...(anonymous > 0 && { address: window(anonymous) }), ...(user > 0 && { user: window(user) }) };
  const shared = await startSharedWindows({ pool, log, windows });
  const attempts = attemptLog(pool);

  async function countLogin(request: ApiRequest, name: string): Promise<void> {
    const address = networkOf(request.ip);
    // Of the account, whichever of its names is typed; of the name where there is none, with the same work.
    const account = await accounts.find(name);
    const key = account ?? name;
    const here = await attempts.take(['login', address, key], { limit: login, length: MINUTE });
    requireTaken(request, here);
    const anywhere = await attempts.take(['login', key], { limit: Math.max(LOGINS_OF_ACCOUNT, login), length: MINUTE });
    // Whoever wants to lock somebody out has many addresses, but none from which that person has signed in.
    if (anywhere.refused && account !== null && (await accounts.addressesOf(account)).some((known) => networkOf(known) === address)) return;
    requireTaken(request, anywhere);
  }

  return {
    countUser(request, userId) {
      if (user > 0) requireTaken(request, shared.take('user', userId));
    },
    countAddress(request) {
      if (anonymous > 0) requireTaken(request, shared.take('address', networkOf(request.ip)));
    },
    show(request) {
      if (anonymous > 0) request.limit = shared.look('address', networkOf(request.ip));
    },
    async countAttempt(request, limited, body) {
      if (typeof limited === 'object' && 'looksUp' in limited) {
        if (user > 0 && limited.looksUp(body)) {
          requireTaken(request, await attempts.take(['lookup', request.userId!], { limit: MISSED_LOOKUPS_AN_HOUR, length: HOUR }));
        }
      } else if (typeof limited === 'object') {
        if (login > 0) await countLogin(request, folded(limited.loginOf(body)));
      } else if (limited === 'password') {
        if (login > 0) requireTaken(request, await attempts.take([limited, request.userId!], { limit: login, length: MINUTE }));
      } else if (anonymous > 0) {
        requireTaken(request, await attempts.take([limited, networkOf(request.ip)], { limit: ATTEMPTS_AN_HOUR, length: HOUR }));
        // Whoever has many addresses still is one person.
        if (limited === 'mail' && request.userId !== null)
          requireTaken(request, await attempts.take([limited, request.userId], { limit: ATTEMPTS_AN_HOUR, length: HOUR }));
      }
    },
    async forgetLookup(request) {
      if (user > 0) await attempts.giveBack(['lookup', request.userId!]);
    },
    close: () => shared.close(),
  };
}

/** The tightest window is shown: the one that refuses, or has the least left. */
function requireTaken(request: ApiRequest, standing: Standing): void {
  const { limit } = request;
  if (standing.refused || !limit || standing.remaining < limit.remaining) request.limit = standing;
  if (!standing.refused) return;
  const seconds = Math.max(1, Math.ceil(standing.wait / 1000));
  const rejection = new Rejection('RATE_LIMITED', `Too many requests: try again in ${seconds} s`);
  throw new RefusalWithHeaders(rejection, { 'Retry-After': String(seconds) });
}

/** However a name is spelt that the database finds the same account by: some locales lower İ to i, others to i and a dot. */
function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase().replaceAll('\u0307', '');
}
