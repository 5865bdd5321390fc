import { join } from 'node:path';
import type pg from 'pg';
import type { PreferenceStore } from './accounts/preferences.ts';
import type { CheckResult } from './api/health.ts';
import type { Config } from './config.ts';
import { type MailAddresses, mailAddresses } from './notifications/mail-addresses.ts';
import { type ComposeMail, mailComposer } from './notifications/mails.ts';
import type { Logger } from './platform/logging.ts';
import { createFileMailer } from './platform/mail/file-mailer.ts';
import type { Mailer } from './platform/mail/mailer.ts';
import { type MailOutbox, startMailOutbox } from './platform/mail/outbox.ts';
import type { MailOutcome } from './platform/mail/outbox-table.ts';
import { createSmtpMailer } from './platform/mail/smtp-mailer.ts';

/** Mails on their way, and where what is in them leads. */
export interface MailService {
  outbox: MailOutbox;
  addresses: MailAddresses;
  /** What makes mails. Those that can be ended carry a link to these preferences. */
  composer(preferences: Pick<PreferenceStore, 'unsubscribeToken'>): ComposeMail;
  check(): Promise<CheckResult>;
}

export interface MailParts {
  config: Pick<Config, 'mail' | 'publicUrl' | 'dataDir'>;
  /** Where the service listens: what its address is when nobody says. */
  at: { host: string; port: number };
  pool: pg.Pool;
  log: Logger;
  onSettled(outcome: MailOutcome): void;
}

/** Mails to several people that could not be sent for so long, in milliseconds, are something to look at. */
const LONG = 300_000;

/** Mails by the server of the configuration, or into files. */
export function openMail({ config, at, pool, log, onSettled }: MailParts): MailService {
  const mailer = mailerOf(config, log);
  const outbox = startMailOutbox({ pool, mailer, log, onSettled });
  if (config.publicUrl === undefined && config.mail.smtpUrl !== undefined)
    log.warn({}, 'mails lead to the address that the service listens on: give PUBLIC_URL');
  const addresses = mailAddresses(config.publicUrl ?? `http://${reachable(at.host)}:${at.port}`);
  return {
    outbox,
    addresses,
    composer: (preferences) => mailComposer({ addresses, from: mailer.from, preferences }),
    async check() {
      await mailer.check();
      const { waiting, oldest, recipients } = await outbox.backlog();
      const isLate = oldest !== null && recipients > 1 && Date.now() - oldest.getTime() > LONG;
      const by = config.mail.smtpUrl === undefined ? 'files' : 'smtp';
      return { status: isLate ? 'degraded' : 'healthy', by, waiting };
    },
  };
}

/** Where mails are written that no server takes. */
export function mailDirectoryIn(dataDir: string): string {
  return join(dataDir, 'mail');
}

function mailerOf({ mail, dataDir }: MailParts['config'], log: Logger): Mailer {
  if (mail.smtpUrl !== undefined) return createSmtpMailer(mail.smtpUrl, mail.from);
  const directory = mailDirectoryIn(dataDir);
  log.warn({ directory }, 'there is no SMTP_URL: mails are written into files, and nobody is sent any');
  return createFileMailer(directory, mail.from);
}

/** What listens on all addresses is reached by one of them. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
