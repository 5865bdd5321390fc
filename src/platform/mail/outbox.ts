import type pg from 'pg';
import type { Logger } from '../logging.ts';
import { Pause } from '../pause.ts';
import { type Mail, type Mailer, MailFailure } from './mailer.ts';
import { createOutboxTable, type MailOutcome, type OutboxTable, type QueuedMail } from './outbox-table.ts';

/** Makes the mail, from what is there now: null when there is nobody to be told any more; a time before which it is not to be sent. */
export type RenderMail = (queued: QueuedMail) => Promise<Mail | null | Date>;

/**
 * Sends what is queued. Several instances share it: each mail is claimed for a while, and sent at least once; twice only when an instance
 * dies between the server's word and the row's.
 */
export interface MailOutbox {
  /** Says how mails of a kind are made. Those of other kinds are left to instances that know them. */
  define(kind: string, render: RenderMail): void;
  /** Something was committed: looks for it at once. */
  wake(): void;
  /** How many wait, of all instances, and since when the oldest of those that could not be sent. @throws DatabaseUnavailable */
  backlog: OutboxTable['backlog'];
  /** From now on sends. */
  run(): void;
  close(): Promise<void>;
}

export interface MailOutboxOptions {
  /** Of the database that `mailMigrations` were applied to. */
  pool: pg.Pool;
  mailer: Mailer;
  log: Logger;
  /** Told how each mail ended that this instance was at. */
  onSettled?: (outcome: MailOutcome) => void;
  /** Milliseconds between two looks for what others queued. */
  pollEvery?: number;
}

const AT_ONCE = 3;
// Milliseconds.
const SEND_WITHIN = 45_000;
const LEASE = 90_000;
const TIDY_EVERY = 3_600_000;
const GIVE_UP_AFTER = 3 * 24 * 3_600_000;
const CLOSE_WITHIN = 3_000;

type End = MailOutcome | 'later' | 'unavailable';

export function startMailOutbox({ pool, mailer, log, onSettled = () => {}, pollEvery = 2_000 }: MailOutboxOptions): MailOutbox {
  const table = createOutboxTable(pool);
  const renderers = new Map<string, RenderMail>();
  const pause = new Pause();
  const closing = new AbortController();
  let sending: Promise<void> | undefined;
  let isClosed = false;
  let failures = 0;
  let isAway = false;
  let tidied = Number.NEGATIVE_INFINITY;

  /** @returns whether the mail server serves */
  async function sendDue(): Promise<boolean> {
    while (!isClosed) {
      const claimed = await table.claim([...renderers.keys()], AT_ONCE, LEASE);
      if (claimed.length === 0) return true;
      const ends = await Promise.all(claimed.map(send));
      if (ends.includes('unavailable')) return false;
    }
    return true;
  }

  async function send(queued: QueuedMail): Promise<End> {
    let end: 'sent' | 'dropped' | Date;
    try {
      end = await attempt(queued);
    } catch (error) {
      return failed(queued, error);
    }
    return end instanceof Date ? later(queued, end.getTime() - Date.now(), null) : settle(queued, end);
  }

  async function attempt(queued: QueuedMail): Promise<'sent' | 'dropped' | Date> {
    const mail = await renderers.get(queued.kind)!(queued);
    if (mail === null) return 'dropped';
    if (mail instanceof Date) return mail;
    await mailer.send(mail, AbortSignal.any([closing.signal, AbortSignal.timeout(SEND_WITHIN)]));
    return 'sent';
  }

  async function failed(queued: QueuedMail, error: unknown): Promise<End> {
    const { kind: mail, sourceId: source_id, userId: user_id, attempts } = queued;
    const facts = { mail, source_id, user_id, attempts, error };
    const { kind, message } = error instanceof MailFailure ? error : ({ kind: 'deferred', message: 'it cannot be made' } as const);
    const isTooOld = Date.now() - queued.queuedAt.getTime() > GIVE_UP_AFTER;
    if (kind === 'refused' || isTooOld) {
      log.warn(facts, 'a mail is given up');
      return settle(queued, kind === 'refused' ? 'refused' : 'expired', message);
    }
    if (kind === 'deferred') log.warn(facts, 'a mail could not be sent; it is tried again');
    else if (!isAway) log.error(facts, 'mails cannot be sent; they are tried again');
    isAway ||= kind === 'unavailable';
    await later(queued, waitAfter(attempts, kind), message);
    return kind === 'unavailable' ? 'unavailable' : 'later';
  }

  async function settle({ id }: QueuedMail, outcome: MailOutcome, error?: string): Promise<MailOutcome> {
    await table.settle(id, outcome, error);
    onSettled(outcome);
    if (outcome === 'sent' && isAway) log.info({}, 'mails can be sent again');
    if (outcome === 'sent') isAway = false;
    return outcome;
  }

  async function later({ id }: QueuedMail, wait: number, reason: string | null): Promise<'later'> {
    await table.postpone(id, Math.max(0, wait), reason);
    return 'later';
  }

  const keepSending = async () => {
    for (; !isClosed; await pause.sleep(failures === 0 ? pollEvery : Math.min(1_000 * 2 ** failures, 30_000))) {
      try {
        const serves = await sendDue();
        failures = serves ? 0 : failures + 1;
        if (performance.now() - tidied > TIDY_EVERY) {
          await table.tidy();
          tidied = performance.now();
        }
      } catch (error) {
        if (failures === 0 && !isClosed) log.error({ error }, 'queued mails cannot be read; it is tried again');
        failures++;
      }
    }
  };

  return {
    define: (kind, render) => void renderers.set(kind, render),
    wake: () => pause.wake(),
    backlog: table.backlog,
    run() {
      sending ??= keepSending();
    },
    async close() {
      isClosed = true;
      pause.wake();
      const cut = setTimeout(() => closing.abort(), CLOSE_WITHIN);
      await sending;
      clearTimeout(cut);
      await mailer.close();
    },
  };
}

/** Milliseconds. Where the server is away, all wait for no longer than it takes to notice that it is back. */
function waitAfter(attempts: number, kind: 'deferred' | 'unavailable'): number {
  const [first, most] = kind === 'unavailable' ? [1_000, 60_000] : [30_000, 3_600_000];
  return Math.min(first * 2 ** Math.min(attempts - 1, 12), most) * (0.8 + Math.random() * 0.4);
}
