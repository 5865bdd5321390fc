import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { AccountCall } from '../accounts/account-call.ts';
import type { SessionCaller } from '../accounts/caller.ts';
import { Id } from '../events/values.ts';
import type { JobLimits } from '../platform/jobs/definition.ts';
import type { Jobs } from '../platform/jobs/jobs.ts';
import type { Logger } from '../platform/logging.ts';
import { type ErasePersonParts, erasePerson, type Run } from './erase-person.ts';
import type { ErasureRecord } from './erasure-record.ts';
import { type Erased, type RepeatParts, repeatErasures } from './repeat-erasures.ts';

/** Erases people: the account at once, and all that is elsewhere by a job. All may throw DatabaseUnavailable. */
export interface Erasure {
  /** What takes long is done by these. To be called before they run. */
  doneBy(jobs: Pick<Jobs, 'define' | 'start'>): void;
  /** @throws Rejection PASSWORD_INCORRECT, USER_NOT_FOUND, LAST_ADMIN, SESSION_ENDED, OVERLOADED */
  ofOneself(caller: SessionCaller, asked: { password: string; transferTo: string | null }, call: AccountCall): Promise<void>;
  /** By an admin. @throws Rejection USER_NOT_FOUND, LAST_ADMIN, ADMIN_ONLY */
  ofAnother(userId: string, transferTo: string | null, caller: SessionCaller, call: AccountCall): Promise<void>;
  /** Erases those again whom the record beside the database knows to be erased: the database may be a restored one. */
  repeat(): Promise<void>;
  /** Sees to it that nothing is left half done, the first time also by what the log says. */
  goOn(): Promise<void>;
}

export interface ErasureParts extends Omit<ErasePersonParts, 'again' | 'vault'> {
  vault: ErasePersonParts['vault'] & RepeatParts['vault'];
  record: ErasureRecord;
  /** Whose erasure the log tells of. */
  wishesInLog(): Promise<readonly Erased[]>;
  log: Logger;
}

const job = 'erasure';
const ErasureJob = z.strictObject({ user_id: Id });
const limits: Partial<JobLimits> = { concurrency: 1, queued: 1_000_000 };
/** Milliseconds. Most erasures are done by then, so that whoever hears of it finds nothing left; the others go on. */
const ANSWER_WITHIN = 5_000;
const LOOK_EVERY = 20;

export function createErasure(parts: ErasureParts): Erasure {
  const { erasures, vault, record, log } = parts;
  let jobs: Pick<Jobs, 'start'>;
  let comparedWithLog = false;

  const start = async (userId: string) => void (await jobs.start(job, { user_id: userId }, { createdBy: userId }));

  /** The wish is written down: it is done, whatever fails here, for `goOn` finds it. */
  const begin = async (userId: string, transferTo: string | null): Promise<void> => {
    try {
      await vault.destroyOfPerson(userId);
      await erasures.announce(userId);
      await record.add([{ user_id: userId, transfer_to: transferTo, requested_at: new Date().toISOString() }]);
      await start(userId);
      for (const until = performance.now() + ANSWER_WITHIN; performance.now() < until; await pause(LOOK_EVERY))
        if (await erasures.isDone(userId)) return;
    } catch (error) {
      log.error({ error, user_id: userId }, 'an erasure does not go on just now; it is tried again');
    }
  };

  const repeat = async (erased: readonly Erased[]): Promise<void> => {
    for (const userId of await repeatErasures(erased, parts)) {
      log.warn({ user_id: userId }, 'somebody who was erased is in the database again: they are erased again');
      await erasures.announce(userId);
    }
  };

  return {
    doneBy(some) {
      jobs = some;
      const run = (userId: string, how: Run) => erasePerson({ ...parts, again: start }, userId, how);
      some.define(job, ErasureJob, ({ data, progress, signal }) => run(data.user_id, { signal, progress: progress.save }), limits);
    },
    async ofOneself(caller, asked, call) {
      await erasures.wish(caller, asked, call);
      await begin(caller.id, asked.transferTo);
    },
    async ofAnother(userId, transferTo, caller, call) {
      await erasures.wishFor(userId, transferTo, caller, call);
      await begin(userId, transferTo);
    },
    repeat: () => repeat(record.all()),
    async goOn() {
      if (!comparedWithLog) await repeat(await parts.wishesInLog());
      comparedWithLog = true;
      for (const userId of await erasures.claim()) await start(userId);
    },
  };
}
