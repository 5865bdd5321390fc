import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { deriveKey } from '../events/keys/data-key.ts';
import type { EventStore, Position } from '../events/store/event-store.ts';
import type { Logger } from '../platform/logging.ts';
import { Rejection } from '../rejection.ts';
import { type AccessTokens, createAccessTokens } from './access-token.ts';
import type { AccountCall } from './account-call.ts';
import { type AddressProofs, createAddressProofs } from './address-proofs.ts';
import { type Administration, createAdministration } from './administration.ts';
import { type Authenticate, createAuthenticate } from './authentication.ts';
import type { Caller, SessionCaller } from './caller.ts';
import { type ChangeFeed, type ChangeListener, startChangeFeed } from './change-feed.ts';
import { endEverything, isRevoked } from './compromise.ts';
import type { StopOutliving } from './credential-end.ts';
import { type Database, databaseOn } from './database.ts';
import { createDirectory, type Directory } from './directory.ts';
import { createErasures, type Erasures } from './erasures.ts';
import { ensureFirstAdmin, type FirstAdmin } from './first-admin.ts';
import { startHousekeeping } from './housekeeping.ts';
import { createKnownCallers } from './known-callers.ts';
import { type Credentials, login } from './login.ts';
import { observed } from './observed-callers.ts';
import { type OutboxRelay, startOutboxRelay } from './outbox-relay.ts';
import { changePassword, type PasswordChange } from './password-change.ts';
import { PasswordHasher } from './password-hasher.ts';
import { createPersonalTokenProofs } from './personal-token-proof.ts';
import { createPersonalTokens, type PersonalTokens } from './personal-tokens.ts';
import { createPreferences, type PreferenceStore } from './preferences.ts';
import { changeProfile, type ProfileChanges, readUser } from './profile.ts';
import { type Registration, register } from './registration.ts';
import { type SecurityLog, startSecurityLog } from './security-log.ts';
import { type SessionUse, startSessionUse } from './session-use.ts';
import { createSessions, type ListedSession, type OpenSession, type Sessions } from './sessions.ts';
import type { User } from './user.ts';

export interface AccountsConfig {
  registration: 'open' | 'closed';
  accessTokenMinutes: number;
  refreshTokenDays: number;
  sessionMaxDays: number;
  firstAdmin: FirstAdmin;
}

export interface AccountsOptions {
  /** Of the database that `accountMigrations` were applied to. */
  pool: pg.Pool;
  /** Of the same database: news of accounts are read on a connection beside the pool. */
  connectionString: string;
  store: EventStore;
  /** Access tokens are signed with a key derived from it; tokens of links that are mailed follow from others. */
  secretKey: string;
  config: AccountsConfig;
  log: Logger;
  clock?: () => Date;
  /** Told the position of each account event that this instance appended, and whom it concerns: whose account it is, and who did it. */
  onAppended?: (userId: string, position: Position) => void;
  /** Told that a mail was queued. */
  onMailQueued?: () => void;
  /** Stops what outlives credentials that end; left out, nothing does. */
  stopOutliving?: StopOutliving;
  /** Told of each request with a token, whether its caller was known in memory. */
  onLookup?: (known: boolean) => void;
}

/** What somebody who has signed in is given. */
export interface SignedIn {
  accessToken: string;
  refreshToken: string;
  /** Seconds until the access token expires. */
  expiresIn: number;
  user: User;
}

/** Which sessions end: one is named by its refresh token. `everything`: personal tokens and webhooks too, for they may be another's. */
export type Logout = 'this session' | 'all sessions' | 'everything' | { refreshToken: string };

/** Who people are, and how they prove it. All may throw DatabaseUnavailable. */
export interface Accounts {
  authenticate: Authenticate;
  directory: Directory;
  /** @throws Rejection REGISTRATION_CLOSED, EMAIL_TAKEN, USERNAME_TAKEN, VALIDATION_FAILED, OVERLOADED */
  register(registration: Registration, call: AccountCall): Promise<SignedIn>;
  /** @throws Rejection INVALID_CREDENTIALS, ACCOUNT_DISABLED, OVERLOADED */
  login(credentials: Credentials, call: AccountCall): Promise<SignedIn>;
  /** @throws Rejection TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REUSED */
  refresh(refreshToken: string, call: AccountCall): Promise<SignedIn>;
  /** @throws Rejection TOKEN_INVALID when the refresh token is none of the caller's */
  logout(caller: SessionCaller, which: Logout, call: AccountCall): Promise<void>;
  /** The caller's open sessions, the newest first. */
  listSessions(caller: SessionCaller): Promise<ListedSession[]>;
  /** @throws Rejection SESSION_NOT_FOUND */
  endSession(caller: SessionCaller, sessionId: string): Promise<void>;
  /** Ends all other sessions. @throws Rejection PASSWORD_INCORRECT, VALIDATION_FAILED, SESSION_ENDED, OVERLOADED */
  changePassword(caller: SessionCaller, change: PasswordChange, call: AccountCall): Promise<void>;
  personalTokens: PersonalTokens;
  addressProofs: AddressProofs;
  preferences: PreferenceStore;
  administration: Administration;
  erasures: Erasures;
  security: Pick<SecurityLog, 'record' | 'flush'>;
  /** @throws Rejection SESSION_ENDED when the account is gone */
  me(caller: Caller): Promise<User>;
  /** @throws Rejection USERNAME_TAKEN, SESSION_ENDED */
  changeProfile(caller: SessionCaller, changes: ProfileChanges, call: AccountCall): Promise<User>;
  /** Whether a token has ended, or a session was ended by something else than signing out: work that it started does not go on. */
  isRevoked(proof: { sessionId?: string | undefined; tokenId?: string | undefined }): Promise<boolean>;
  /** Called within a second when an account or a session of it changed, on whichever instance. */
  onChange(listener: ChangeListener): void;
  /** Waits, for so many milliseconds at most, until what was committed of accounts is in the log of events. */
  recorded(within?: number): Promise<void>;
  /** How many account events are on their way into the log, and since when the oldest. */
  backlog: OutboxRelay['backlog'];
  /** Of the process that hashes passwords; undefined while one is being started. */
  hasherPid(): number | undefined;
  /** May be called again. */
  close(): Promise<void>;
}

interface Parts {
  database: Database;
  hasher: PasswordHasher;
  feed: ChangeFeed;
  relay: OutboxRelay;
  sessions: Sessions;
  security: SecurityLog;
  use: SessionUse;
  tokens: AccessTokens;
  log: Logger;
  clock: () => Date;
  stopOutliving: StopOutliving;
  decoy: string;
  close(): Promise<void>;
}

/** Milliseconds that an answer waits for its event to be in the log, so that what is asked next finds it there. */
const WAIT_FOR_EVENT = 250;

/** @throws DatabaseUnavailable, and an Error that says why the first admin cannot be made */
export async function createAccounts(options: AccountsOptions): Promise<Accounts> {
  const parts = await start(options);
  const { database, hasher, feed, relay, sessions, use, tokens, clock } = parts;
  const signedIn = ({ user, session }: { user: User; session: OpenSession }) => giveTokens(tokens, user, session);
  const recorded = (within?: number) => flushed(relay, within);
  const changed = (userId: string) => {
    feed.tell(userId);
    return recorded();
  };
  return {
    authenticate: createAuthenticate({
      tokens,
      personal: createPersonalTokenProofs(database, clock),
      callers: observed(createKnownCallers(database, feed), options.onLookup ?? (() => {})),
      use,
    }),
    directory: createDirectory(database, feed),
    async register(registration, call) {
      if (options.config.registration === 'closed') throw new Rejection('REGISTRATION_CLOSED', 'Accounts are made by an admin here');
      const registered = await register(parts, registration, call);
      await recorded();
      return signedIn(registered);
    },
    login: async (credentials, call) => signedIn(await login(parts, credentials, call)),
    async refresh(refreshToken, call) {
      const session = await sessions.refresh(refreshToken, call);
      return signedIn({ user: existing(await readUser(database, session.userId)), session });
    },
    async logout(caller, which, call) {
      if (which !== 'everything') return logout(sessions, caller, which);
      await endEverything(parts, caller, call);
      await changed(caller.id);
    },
    async listSessions(caller) {
      await use.write();
      return sessions.list(caller.id);
    },
    async endSession(caller, sessionId) {
      const wasOpen = await sessions.revoke(caller.id, sessionId);
      if (!wasOpen) throw new Rejection('SESSION_NOT_FOUND', 'There is no such session');
    },
    async changePassword(caller, change, call) {
      await changePassword(parts, caller, change, call);
      await changed(caller.id);
    },
    personalTokens: createPersonalTokens({ ...parts, changed }),
    addressProofs: createAddressProofs({
      ...parts,
      linkKey: deriveKey(options.secretKey, 'mail links'),
      onQueued: options.onMailQueued ?? (() => {}),
      changed,
    }),
    preferences: createPreferences({ database, clock, unsubscribeKey: deriveKey(options.secretKey, 'unsubscribing'), recorded }),
    administration: createAdministration({ ...parts, changed, recorded }),
    erasures: createErasures({ ...parts, changed, flush: relay.flush }),
    security: parts.security,
    me: async (caller) => existing(await readUser(database, caller.id)),
    async changeProfile(caller, changes, call) {
      const { user, changed: isChanged } = existing(await changeProfile(database, caller, changes, call, clock()));
      if (isChanged) await changed(caller.id);
      return user;
    },
    isRevoked: ({ sessionId, tokenId }) => isRevoked(database, sessionId, tokenId),
    onChange: feed.onChange,
    recorded,
    backlog: relay.backlog,
    hasherPid: () => hasher.pid,
    close: parts.close,
  };
}

async function start(options: AccountsOptions): Promise<Parts> {
  const { pool, connectionString, store, secretKey, config, log, clock = now, onAppended, stopOutliving = async () => [] } = options;
  const database = databaseOn(pool);
  const feed = await startChangeFeed(connectionString, log);
  const hasher = new PasswordHasher({ log });
  const relay = startOutboxRelay({ database, store, log, ...(onAppended && { onAppended }) });
  const housekeeping = startHousekeeping(database, log);
  const use = startSessionUse(database, clock, log);
  const security = startSecurityLog({ database, log, clock });
  let closed: Promise<unknown> | undefined;
  const close = async () => {
    closed ??= Promise.all([hasher.close(), relay.close(), feed.close(), housekeeping.close(), use.close(), security.close()]);
    await closed;
  };
  try {
    const decoy = await hasher.hash(randomBytes(16).toString('hex'), 'the service');
    if (await ensureFirstAdmin({ database, hasher, log, clock }, config.firstAdmin)) await flushed(relay);
    const tokens = createAccessTokens(secretKey, config.accessTokenMinutes, clock);
    const sessions = createSessions({
      database,
      feed,
      clock,
      successorKey: deriveKey(secretKey, 'refresh tokens'),
      lifetimeDays: config.refreshTokenDays,
      maxDays: config.sessionMaxDays,
      onReuse: (userId, { ip, requestId }) => security.record({ kind: 'token_reused', userId, ip, requestId }),
    });
    return { database, hasher, feed, relay, sessions, security, use, tokens, log, clock, stopOutliving, decoy, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function giveTokens(tokens: AccessTokens, user: User, session: OpenSession): Promise<SignedIn> {
  const accessToken = await tokens.issue(session);
  return { accessToken, refreshToken: session.refreshToken, expiresIn: tokens.lifetime, user };
}

async function logout(sessions: Sessions, caller: SessionCaller, which: Exclude<Logout, 'everything'>): Promise<void> {
  if (which === 'all sessions') return sessions.end(caller.id, 'all', 'logout');
  const session = which === 'this session' ? caller.sessionId : await sessions.ofToken(caller.id, which.refreshToken);
  if (session === null) throw new Rejection('TOKEN_INVALID', 'This refresh token is none of yours');
  await sessions.end(caller.id, session, 'logout');
}

function existing<T>(found: T | null): T {
  if (found === null) throw new Rejection('SESSION_ENDED', 'The account is gone');
  return found;
}

/** The event is on its way; it is waited for only as long as that is quick. */
async function flushed(relay: OutboxRelay, within = WAIT_FOR_EVENT): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const longEnough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, within);
  });
  await Promise.race([relay.flush(), longEnough]);
  clearTimeout(timer);
}

function now(): Date {
  return new Date();
}
