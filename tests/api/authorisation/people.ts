import { randomUUID } from 'node:crypto';
import { createAccessTokens } from '../../../src/accounts/access-token.ts';
import { databaseOn } from '../../../src/accounts/database.ts';
import { createSessions } from '../../../src/accounts/sessions.ts';
import { deriveKey } from '../../../src/events/keys/data-key.ts';
import { putInInboxes } from '../../../src/notifications/inbox.ts';
import { createPool } from '../../../src/platform/postgres/pool.ts';
import { type Client, keys, type TestService } from '../../support/service.ts';
import { type CallerKind, isToken, type TokenNeeds } from './contract.ts';
import { makeTokens } from './tokens.ts';

/** An open session of somebody, as made for one call alone. */
export interface FreshSession {
  id: string;
  accessToken: string;
  refreshToken: string;
}

/** Everybody who calls. */
export interface People {
  readonly owner: Client;
  readonly viewer: Client;
  readonly editor: Client;
  readonly assignee: Client;
  readonly stranger: Client;
  readonly admin: Client;
  readonly anonymous: Client;
  /** Owns things of its own: its account is disabled. */
  readonly disabled: Client;
  /** Whose object it is that a caller is tried on. */
  ownerFor(caller: CallerKind): Client;
  /** The account that a caller calls with: somebody's, where it has none. */
  idOf(caller: CallerKind): string;
  /** What a caller sends as proof; undefined for nothing. @param ofAdmin the token is to be an admin's */
  tokenOf(caller: CallerKind, needs: TokenNeeds, ofAdmin: boolean): string | undefined;
  /** A session for this call alone; of the owner for who has none. */
  session(caller: CallerKind): Promise<FreshSession>;
  endSession(session: FreshSession, of: Client): Promise<void>;
  /** Something that a subscriber could not handle. @returns its id */
  deadLetter(): Promise<string>;
  /** Something that somebody was told. @returns its id */
  notification(of: Client): Promise<string>;
  /** A webhook of somebody's, however many they have, which is told of nothing. @returns its id */
  webhook(of: Client): Promise<string>;
  close(): Promise<void>;
}

export async function gatherPeople(service: TestService): Promise<People> {
  const names = ['owner', 'viewer', 'editor', 'assignee', 'stranger', 'disabled'] as const;
  const [admin, ...others] = await Promise.all([service.admin(), ...names.map((name) => service.someone(`the-${name}`))]);
  const known = {
    admin,
    ...(Object.fromEntries(names.map((name, index) => [name, others[index]!])) as Record<(typeof names)[number], Client>),
  };
  const { owner, disabled } = known;
  await Promise.all(others.map(service.verifyAddress));
  const desk = openAccountsDesk(service.connectionString);

  const ended = await desk.session(owner);
  await desk.end(ended, owner);
  const tokens = await makeTokens(known);
  await desk.disable(disabled);

  const personOf = (caller: CallerKind): Client => {
    if (caller in known) return known[caller as keyof typeof known];
    return caller === 'disabled account' || caller === 'token of a disabled account' ? disabled : owner;
  };
  return {
    ...known,
    anonymous: service.anonymous,
    ownerFor: (caller) => (personOf(caller) === disabled ? disabled : owner),
    idOf: (caller) => personOf(caller).id,
    tokenOf(caller, needs, ofAdmin) {
      if (caller === 'anonymous') return undefined;
      if (caller === 'ended session') return ended.accessToken;
      return isToken(caller) ? tokens.of(caller, needs, ofAdmin) : personOf(caller).token;
    },
    session: (caller) => desk.session(personOf(caller) === disabled ? owner : personOf(caller)),
    endSession: desk.end,
    notification: desk.notification,
    webhook: desk.webhook,
    deadLetter: desk.deadLetter,
    close: desk.close,
  };
}

/** Makes and ends sessions without passwords: hashing one for each call would take longer than all the calls. */
function openAccountsDesk(connectionString: string) {
  const pool = createPool(connectionString, { max: 4, applicationName: 'tests accounts', onError: () => {} });
  const database = databaseOn(pool);
  const clock = () => new Date();
  const nobody = { toldUntil: 0, onChange: () => {}, tell: () => {}, close: async () => {} };
  const successorKey = deriveKey(keys.SECRET_KEY!, 'refresh tokens');
  const sessions = createSessions({ database, feed: nobody, clock, successorKey, lifetimeDays: 7, maxDays: 90 });
  const accessTokens = createAccessTokens(keys.SECRET_KEY!, 30, clock);
  const call = { requestId: 'people', operationId: '00000000-0000-4000-8000-000000000000', ip: '127.0.0.1', userAgent: 'tests' };
  return {
    async session({ id }: Client): Promise<FreshSession> {
      const [{ hash }] = (await database.rows<{ hash: string }>('select password_hash as hash from accounts.users where id = $1', [
        id,
      ])) as [{ hash: string }];
      const opened = await sessions.open(database, { userId: id, passwordHash: hash }, call);
      if (!opened) throw new Error(`No session could be opened for ${id}`);
      return { id: opened.sessionId, refreshToken: opened.refreshToken, accessToken: await accessTokens.issue(opened) };
    },
    end: (session: FreshSession, { id }: Client) => sessions.end(id, session.id, 'logout'),
    // All that ends it is that it is disabled: its sessions are open still.
    async disable({ id }: Client): Promise<void> {
      await database.rows('update accounts.users set is_active = false where id = $1', [id]);
      await database.rows('select accounts.announce_change($1)', [id]);
    },
    async notification({ id: userId }: Client): Promise<string> {
      const nothing = { eventType: null, taskId: null, revision: null, actorId: null, details: {} };
      const sourceId = randomUUID();
      await putInInboxes(database, [{ ...nothing, userId, sourceId, kind: 'role_changed', at: new Date().toISOString() }]);
      const [made] = await database.rows<{ id: string }>('select id from notifications.inbox where source_id = $1', [sourceId]);
      return made!.id;
    },
    // Of an event that is not there, so that it cannot be handled later either.
    async deadLetter(): Promise<string> {
      const [made] = await database.rows<{ id: string }>(
        `insert into subscribers.dead_letters (id, subscriber, stream, revision, event_id, type, state, error, failed_at, attempts)
         values ($1::uuid, 'webhooks', 'task-' || $1::uuid, 0, $1::uuid, 'tasktrail.task.created.v1', 'failed', 'it does not go down', now(), 3) returning id`,
        [randomUUID()],
      );
      return made!.id;
    },
    async webhook({ id: userId }: Client): Promise<string> {
      const id = randomUUID();
      await database.rows(
        `insert into webhooks.webhooks (id, user_id, url, types, description, without_admin, created_at, updated_at)
         values ($1, $2, 'https://192.0.2.1/', '{user.erased}', '', false, now(), now())`,
        [id, userId],
      );
      return id;
    },
    close: () => pool.end(),
  };
}
