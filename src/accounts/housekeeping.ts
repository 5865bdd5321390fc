import type { Logger } from '../platform/logging.ts';
import type { Database } from './database.ts';
import { KEPT_DAYS } from './security-event.ts';

const HOUR = 3_600_000;

// Who slept longer than the changes are kept forgets all it knew. A refresh token is known as expired for a month, and as used likewise.
const chores = [
  `delete from accounts.changes where at < now() - interval '1 hour'`,
  `delete from accounts.sessions where expires_at < now() - interval '30 days'`,
  `delete from accounts.refresh_tokens where expires_at < now() - interval '30 days'`,
  `delete from accounts.access_tokens where ended_at < now() - interval '30 days'`,
  `delete from accounts.mail_links where expires_at < now()`,
  `delete from accounts.former_emails where changed_at < now() - interval '7 days'`,
  `delete from accounts.security_events where occurred_at < now() - interval '${KEPT_DAYS} days'`,
];

/** Clears away what no one will ask for again. Instances may do so at the same time. @param every milliseconds */
export function startHousekeeping(database: Database, log: Logger, every = HOUR): { close(): Promise<void> } {
  let underWay = Promise.resolve();
  const tidy = async () => {
    try {
      for (const chore of chores) await database.rows(chore);
    } catch (error) {
      log.warn({ error }, 'old sessions, account changes and security events could not be cleared away; it is tried again later');
    }
  };
  const timer = setInterval(() => {
    underWay = tidy();
  }, every).unref();
  return {
    async close() {
      clearInterval(timer);
      await underWay;
    },
  };
}
