import { type Accounts, createAccounts } from './accounts/accounts.ts';
import { databaseOn } from './accounts/database.ts';
import { createLoginAccounts } from './accounts/login-accounts.ts';
import { endSessionsOfFormerKey } from './accounts/secret-key.ts';
import type { Freshness } from './api/freshness.ts';
import { type RateLimits, startRateLimits } from './api/rate-limits.ts';
import type { Composition } from './composition.ts';
import type { Database } from './database.ts';
import type { EventStore } from './events/store/event-store.ts';
import type { MailService } from './mail.ts';
import type { measure } from './observation.ts';
import { stopWebhooks } from './subscribers/webhooks/stop-webhooks.ts';

/** Opens the accounts; a SECRET_KEY other than before has ended all sessions. */
export async function openAccounts(
  { config, logger, closing, keys }: Composition,
  database: Database,
  store: EventStore,
  freshness: Freshness,
  watch: ReturnType<typeof measure>,
  mail: MailService,
): Promise<Accounts> {
  const ended = await endSessionsOfFormerKey(databaseOn(database.pools.accounts), keys.secret, new Date());
  if (ended > 0) logger.named('accounts').warn({ sessions: ended }, 'SECRET_KEY is another one than before: all sessions have ended');
  const accounts = await createAccounts({
    connectionString: database.connectionString,
    pool: database.pools.accounts,
    store,
    secretKey: keys.secret,
    log: logger.named('accounts'),
    onAppended: freshness.recorded,
    onLookup: watch.lookedUp,
    onMailQueued: mail.outbox.wake,
    stopOutliving: stopWebhooks,
    config: {
      registration: config.registration,
      accessTokenMinutes: config.accessTokenMinutes,
      refreshTokenDays: config.refreshTokenDays,
      sessionMaxDays: config.sessionMaxDays,
      firstAdmin: config.admin,
    },
  });
  closing.add('accounts', () => accounts.close());
  return accounts;
}

/** Opens the limits on requests and attempts. */
export async function openRateLimits({ config, logger, closing }: Composition, { pools }: Database): Promise<RateLimits> {
  const pool = pools.accounts;
  const log = logger.named('rate limits');
  const limits = await startRateLimits({ pool, log, perMinute: config.rateLimitsPerMinute, accounts: createLoginAccounts(pool) });
  closing.add('rate limits', () => limits.close());
  return limits;
}
