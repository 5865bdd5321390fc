import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { type AccountActor, type AccountCall, accountEventContext, actorOf, system } from '../../accounts/account-call.ts';
import type { Caller } from '../../accounts/caller.ts';
import type { Database, Sql } from '../../accounts/database.ts';
import { recordUserEvents } from '../../accounts/outbox.ts';
import type { KeyWrap } from '../../events/keys/master-key.ts';
import type { UserEvent } from '../../events/user/user-events.ts';
import { type GuardedPost, PostFailure } from '../../platform/outbound/guarded-post.ts';
import { Rejection } from '../../rejection.ts';
import type { FollowUps } from './follow-ups.ts';
import { newSecret, type Secret, sealSecret } from './secret.ts';
import { withExpiredToken } from './stop-webhooks.ts';

/** A webhook as its owner sees it, without its secret. */
export interface Webhook {
  id: string;
  url: string;
  types: string[];
  description: string;
  active: boolean;
  /** The token that made it, gave it its address or reactivated it last; null for a session. */
  tokenId: string | null;
  disabledAt: Date | null;
  disabledReason: string | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface NewWebhook {
  url: string;
  types: readonly string[];
  description: string;
  /** Made here when left out. */
  secret?: Secret | undefined;
}

export type WebhookChanges = { [K in 'url' | 'types' | 'description' | 'active']?: Webhook[K] | undefined };

/** Somebody's own webhooks. All throw DatabaseUnavailable, and Rejection WEBHOOK_NOT_FOUND for one that is not theirs. */
export interface Webhooks {
  /** What happens from when this has returned is for it. @throws Rejection LIMIT_REACHED, WEBHOOK_URL_FORBIDDEN, SESSION_ENDED, EMAIL_NOT_VERIFIED */
  create(caller: Caller, wanted: NewWebhook, call: AccountCall): Promise<{ webhook: Webhook; secret: Secret }>;
  /** The newest first. */
  list(userId: string): Promise<Webhook[]>;
  read(userId: string, id: string): Promise<Webhook>;
  /**
   * Changes what is different from what is there. One that is made active is no longer disabled, and begins again, as one that is made.
   * @throws Rejection WEBHOOK_URL_FORBIDDEN; EMAIL_NOT_VERIFIED for another address, and for activating it
   */
  change(caller: Caller, id: string, changes: WebhookChanges, call: AccountCall): Promise<Webhook>;
  /** With all that was on its way to it. */
  delete(caller: Caller, id: string, call: AccountCall): Promise<void>;
  /** Gives it another secret; the one before signs along for a day. */
  rotate(caller: Caller, id: string, secret: Secret | undefined, call: AccountCall): Promise<{ webhook: Webhook; secret: Secret }>;
  /** Sends it nothing any more: somebody has to look after its receiver. Its owner is told by the event of it. */
  disable(id: string, reason: string): Promise<void>;
  /** Stops those whose token has expired. */
  disableExpired(): Promise<void>;
}

export interface WebhookParts {
  database: Database;
  poster: Pick<GuardedPost, 'check'>;
  /** Seals the secrets. */
  secretWrap: KeyWrap;
  /** Waits, for so many milliseconds at most, until what was recorded is in the log. */
  recorded(within?: number): Promise<void>;
  /** What is left to be done when a change is committed. */
  followUps: Pick<FollowUps, 'cancel' | 'expedite'>;
  clock: () => Date;
}

/** How many somebody may have. */
export const MOST_WEBHOOKS = 20;
/** A webhook begins where the log tells of it: what is done next is to come behind that. In milliseconds. */
const BEGINS_WITHIN = 5_000;
const ROTATED_SIGNS_FOR = 24 * 3_600_000;
const MOST_SECRETS = 10;

const columns = `id, url, types, description, active, made_by_token as "tokenId", disabled_at as "disabledAt", disabled_reason as "disabledReason",
  created_at as "createdAt", updated_at as "updatedAt"`;

export function createWebhooks({ database, poster, secretWrap, recorded, followUps, clock }: WebhookParts): Webhooks {
  const insertSecret = (sql: Sql, webhookId: string, secret: Secret) =>
    sql.rows('insert into webhooks.secrets (webhook_id, sealed) values ($1, $2)', [webhookId, sealSecret(secretWrap, secret, webhookId)]);

  /** A change under the lock of the account's row, which orders the events of the account, and counts. */
  const asOwner = async <T>(caller: Caller, work: (sql: Sql) => Promise<T>): Promise<T> => {
    const result = await database.transaction(async (sql) => {
      await sql.rows('select from accounts.users where id = $1 for no key update', [caller.id]);
      // Behind the lock: what a caller was found to be may be a second old, and what they make lasts longer than their session or token.
      const open = await sql.rows(isStillOpen, [caller.id, caller.sessionId ?? null, caller.token?.id ?? null]);
      if (open.length === 0) throw new Rejection('SESSION_ENDED', 'The session or token has ended; sign in again');
      return work(sql);
    });
    await recorded();
    return result;
  };

  const record = (sql: Sql, userId: string, event: UserEvent, call: Pick<AccountCall, 'requestId' | 'operationId'>, actor: AccountActor) =>
    recordUserEvents(sql, userId, [event], accountEventContext(call, actor, clock()));

  return {
    async create(caller, { url, types, description, secret = newSecret() }, call) {
      await requireProvenAddress(database, caller.id);
      await requireAllowed(poster, url);
      const webhook = await asOwner(caller, async (sql) => {
        const [{ count }] = (await sql.rows<{ count: number }>(countWebhooks, [caller.id])) as [{ count: number }];
        if (count >= MOST_WEBHOOKS)
          throw new Rejection('LIMIT_REACHED', `At most ${MOST_WEBHOOKS} webhooks; delete one first`, [{ limit: MOST_WEBHOOKS }]);
        const id = uuidv7();
        const values = [id, caller.id, url, types, description, isWithoutAdmin(caller), ...makerOf(caller), clock()];
        const [made] = await sql.rows<Webhook>(insertWebhook, values);
        await insertSecret(sql, id, secret);
        await record(sql, caller.id, { type: 'WebhookCreated', data: { webhook_id: id, types: [...types] } }, call, actorOf(caller));
        return made!;
      });
      await recorded(BEGINS_WITHIN);
      return { webhook, secret };
    },
    list: (userId) => database.rows<Webhook>(`select ${columns} from webhooks.webhooks where user_id = $1 order by id desc`, [userId]),
    read: (userId, id) => readWebhook(database, userId, id),
    async change(caller, id, changes, call) {
      if (changes.url !== undefined) await requireAllowed(poster, changes.url);
      const changed = await asOwner(caller, async (sql) => {
        const before = await readWebhook(sql, caller.id, id, 'for no key update');
        const after = { ...before, ...withoutUndefined(changes) };
        const told = changesBetween(before, after);
        if (Object.keys(told).length === 0) return before;
        const movedBy = 'url' in told ? isWithoutAdmin(caller) : null;
        const maker = 'url' in told || (after.active && !before.active) ? makerOf(caller) : null;
        if (maker !== null) await requireProvenAddress(sql, caller.id);
        const values = [
          id,
          after.url,
          after.types,
          after.description,
          after.active,
          movedBy,
          clock(),
          maker !== null,
          ...(maker ?? [null, null]),
        ];
        const [webhook] = await sql.rows<Webhook>(updateWebhook, values);
        await record(sql, caller.id, { type: 'WebhookChanged', data: { webhook_id: id, changes: told } }, call, actorOf(caller));
        return webhook!;
      });
      if (!changed.active || changes.active) followUps.cancel(id);
      if (changed.active && changes.active) await recorded(BEGINS_WITHIN);
      if (changed.active && changes.url !== undefined) followUps.expedite(id);
      return changed;
    },
    async delete(caller, id, call) {
      await asOwner(caller, async (sql) => {
        await readWebhook(sql, caller.id, id, 'for update');
        await sql.rows('delete from webhooks.webhooks where id = $1', [id]);
        await record(sql, caller.id, { type: 'WebhookDeleted', data: { webhook_id: id } }, call, actorOf(caller));
      });
    },
    rotate: async (caller, id, secret = newSecret(), call) => ({
      webhook: await asOwner(caller, async (sql) => {
        await readWebhook(sql, caller.id, id, 'for no key update');
        await sql.rows(endSecrets, [id, new Date(clock().getTime() + ROTATED_SIGNS_FOR)]);
        await insertSecret(sql, id, secret);
        await sql.rows(forgetSecrets, [id, MOST_SECRETS]);
        const [webhook] = await sql.rows<Webhook>(`update webhooks.webhooks set updated_at = $2 where id = $1 returning ${columns}`, [
          id,
          clock(),
        ]);
        const changes = { secret: untold };
        await record(sql, caller.id, { type: 'WebhookChanged', data: { webhook_id: id, changes } }, call, actorOf(caller));
        return webhook!;
      }),
      secret,
    }),
    disable,
    async disableExpired() {
      for (const { id } of await database.rows<{ id: string }>(withExpiredToken)) await disable(id, 'token_ended');
    },
  };

  async function disable(id: string, reason: string): Promise<void> {
    const call = { requestId: randomUUID(), operationId: randomUUID() };
    await database.transaction(async (sql) => {
      const [owner] = await sql.rows<{ id: string }>(lockOwner, [id]);
      const disabled = await sql.rows(disableWebhook, [id, reason, clock()]);
      if (!owner || disabled.length === 0) return;
      await record(sql, owner.id, { type: 'WebhookDisabled', data: { webhook_id: id, reason } }, call, system);
    });
    followUps.cancel(id);
    await recorded();
  }
}

async function readWebhook(sql: Sql, userId: string, id: string, lock = ''): Promise<Webhook> {
  const [webhook] = await sql.rows<Webhook>(`${ownWebhook} ${lock}`, [id, userId]);
  if (!webhook) throw new Rejection('WEBHOOK_NOT_FOUND', 'There is no such webhook');
  return webhook;
}

async function requireAllowed(poster: Pick<GuardedPost, 'check'>, url: string): Promise<void> {
  await poster.check(url).catch((error: unknown) => {
    if (error instanceof PostFailure) throw new Rejection('WEBHOOK_URL_FORBIDDEN', `Nothing is sent there: ${error.message}`);
    throw error;
  });
}

/** Otherwise whoever registers with another's address has that person's later doings sent to them. @throws Rejection EMAIL_NOT_VERIFIED */
async function requireProvenAddress(sql: Sql, userId: string): Promise<void> {
  const proven = await sql.rows('select from accounts.users where id = $1 and (email_verified or email_given_by_admin)', [userId]);
  if (proven.length === 0)
    throw new Rejection('EMAIL_NOT_VERIFIED', 'Verify your e-mail address first: POST /notifications/subscribe sends the link');
}

/** The session or the token, one of them null. */
function makerOf({ sessionId, token }: Caller): [sessionId: string | null, tokenId: string | null] {
  return [sessionId ?? null, token?.id ?? null];
}

/** What a token was not given, it cannot have sent elsewhere. */
function isWithoutAdmin({ token }: Caller): boolean {
  return token !== undefined && !token.scopes.includes('admin');
}

/** Where it leads to and what it is called may name people: that they changed is told, and no more. */
const untold = { from: null, to: null };

function changesBetween(before: Webhook, after: Webhook) {
  return {
    ...(before.url !== after.url && { url: untold }),
    ...(before.types.join() !== after.types.join() && { types: { from: before.types, to: after.types } }),
    ...(before.description !== after.description && { description: untold }),
    ...(before.active !== after.active && { active: { from: before.active, to: after.active } }),
  };
}

function withoutUndefined(changes: WebhookChanges): Partial<Webhook> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

const ownWebhook = `select ${columns} from webhooks.webhooks where id = $1 and user_id = $2`;

const countWebhooks = 'select count(*)::integer as count from webhooks.webhooks where user_id = $1';

const insertWebhook = `
  insert into webhooks.webhooks (id, user_id, url, types, description, without_admin, made_by_session, made_by_token, created_at, updated_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) returning ${columns}`;

const updateWebhook = `
  update webhooks.webhooks set url = $2, types = $3, description = $4, active = $5, without_admin = coalesce($6, without_admin), updated_at = $7, begun = begun and (active or not $5),
    failures = 0, activated_at = case when $5 and not active then now() else activated_at end, disabled_at = case when $5 then null else disabled_at end, disabled_reason = case when $5 then null else disabled_reason end,
    made_by_session = case when $8 then $9 else made_by_session end, made_by_token = case when $8 then $10 else made_by_token end
   where id = $1 returning ${columns}`;

const isStillOpen = `
  select from accounts.users where id = $1 and is_active
     and (exists (select from accounts.sessions where id = $2 and user_id = $1 and ended_at is null)
       or exists (select from accounts.access_tokens where id = $3 and user_id = $1 and ended_at is null
                    and (expires_at is null or expires_at > now())))`;

const endSecrets = 'update webhooks.secrets set ends_at = $2 where webhook_id = $1 and ends_at is null';

const forgetSecrets = `
  delete from webhooks.secrets where webhook_id = $1
    and id not in (select id from webhooks.secrets where webhook_id = $1 order by id desc limit $2)`;

const lockOwner = `
  select id from accounts.users where id = (select user_id from webhooks.webhooks where id = $1) for no key update`;

const disableWebhook = `
  update webhooks.webhooks set active = false, disabled_at = $3, disabled_reason = $2, updated_at = $3 where id = $1 and active returning id`;
