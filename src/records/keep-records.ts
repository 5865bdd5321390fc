import { setTimeout as delay } from 'node:timers/promises';
import { type ErasureRecord, type RecordedWish, wishesIn } from '../erasure/erasure-record.ts';
import { readLines } from '../events/integrity/heads-file.ts';
import type { Logger } from '../platform/logging.ts';
import type { MailFiles } from '../platform/mail/mail-files.ts';
import { Pause } from '../platform/pause.ts';
import { findMissingRecords, headOf } from './missing-records.ts';
import type { RecordCopies } from './record-copies.ts';
import type { SealedCounts } from './record-counts.ts';

export interface RecordKeepingDependencies {
  /** This instance's own. */
  record: ErasureRecord;
  headsFile: string;
  /** The erasures that the database knows, from a time on. */
  wishes(since: Date): Promise<RecordedWish[]>;
  copies: RecordCopies | undefined;
  counts: SealedCounts;
  mailFiles: MailFiles;
  log: Logger;
}

export interface RecoveredRecords {
  /** What must have been there and is not, for people. */
  missing: readonly string[];
  /** The people whose erasure is in the bucket already, by id. */
  copiedErasures: ReadonlySet<string>;
}

export interface RecordKeeping {
  /** An account has changed: it may have been erased. */
  wake(): void;
  close(): Promise<void>;
}

// Milliseconds.
const KEEP_INTERVAL_MS = 60_000;
const RETRY_MS = 5_000;
const MIN_PAUSE_MS = 200;
const MAIL_RETENTION_MS = 7 * 24 * 3_600_000;
/** Instances' clocks differ, and so does when they commit. */
const OVERLAP_MS = 3_600_000;

/**
 * Brings the copies of erasures into this instance's record, and says what of the records must have been there and is not. To be called
 * before anything is erased again or signed by what is recorded.
 */
export async function recoverRecords({
  record,
  headsFile,
  wishes,
  copies,
  counts,
  log,
}: RecordKeepingDependencies): Promise<RecoveredRecords> {
  const sealed = await counts.read();
  const headFiles = [await readLines(headsFile)];
  let hasCopies = false;
  let copiedErasures: ReadonlySet<string> = new Set();
  try {
    const lines = (await copies?.erasures()) ?? [];
    const copied = (await copies?.headFiles()) ?? [];
    hasCopies = lines.length + copied.length > 0;
    headFiles.push(...copied);
    await record.addLines(lines);
    copiedErasures = new Set(lines.flatMap(wishesIn).map(({ user_id }) => user_id));
  } catch (error) {
    log.warn({ error }, 'copies of erasures and heads cannot be read: what is missing here cannot be brought back from them');
  }
  const isRecorded = record.wasThere || hasCopies;
  await record.ensure();
  await record.add(await wishes(new Date(0)));
  const missing = findMissingRecords(sealed, { erasures: isRecorded ? record.all().length : null, headFiles });
  for (const what of missing) log.error({}, `records are missing: ${what}`);
  return { missing, copiedErasures };
}

/**
 * Each instance follows all erasures and its own heads, records them beside the database and, with a bucket, there; counts them; and
 * deletes the mails in files that they concern.
 */
export function startRecordKeeping(
  { record, headsFile, wishes, copies, counts, mailFiles, log }: RecordKeepingDependencies,
  { copiedErasures }: RecoveredRecords,
): RecordKeeping {
  const pause = new Pause();
  const copied = new Set(copiedErasures);
  let recordedUntil = new Date(0);
  let copiedHeads = 0;
  let headsKeptAt = Number.NEGATIVE_INFINITY;
  let isClosed = false;

  const recordErasures = async () => {
    const known = await wishes(recordedUntil);
    await record.add(known);
    const last = known.at(-1);
    if (last) recordedUntil = new Date(Date.parse(last.requested_at) - OVERLAP_MS);
  };

  const copyErasures = async () => {
    const fresh = record.all().filter(({ user_id }) => !copied.has(user_id));
    await copies?.addErasures(new Map(fresh.map((wish) => [wish.user_id, JSON.stringify(wish)])));
    for (const { user_id } of fresh) copied.add(user_id);
    await counts.raise({ erasures: record.all().length });
  };

  const keepHeads = async () => {
    headsKeptAt = performance.now();
    const lines = await readLines(headsFile);
    const [first, last] = [headOf(lines[0]), headOf(lines.at(-1))];
    if (!first || !last || lines.length === copiedHeads) return;
    await copies?.putHeads(first.hash, lines);
    copiedHeads = lines.length;
    await counts.raise({ signedEvents: { [first.hash]: last.events } });
  };

  /** Each instance looks after the files that it holds, also those of before its last start. */
  const cleanUpMails = async () => {
    await mailFiles.removeConcerning(record.all());
    await mailFiles.removeOlderThan(MAIL_RETENTION_MS, new Date());
  };

  const keep = async () => {
    for (let isFailing = false; !isClosed; ) {
      try {
        // What is on this machine does not wait for the bucket.
        await recordErasures();
        await cleanUpMails();
        await copyErasures();
        if (performance.now() - headsKeptAt >= KEEP_INTERVAL_MS) await keepHeads();
        isFailing = false;
      } catch (error) {
        if (!isFailing && !isClosed) log.warn({ error }, 'erasures and heads cannot be recorded just now; it is tried again');
        isFailing = true;
      }
      if (!isClosed) await pause.sleep(isFailing ? RETRY_MS : KEEP_INTERVAL_MS);
      // Accounts may change many times a second.
      if (!isClosed) await delay(MIN_PAUSE_MS);
    }
  };
  const keeping = keep();

  return {
    wake: () => pause.wake(),
    async close() {
      isClosed = true;
      pause.wake();
      await keeping;
      // The last head is signed when the service stops.
      await keepHeads().catch((error) => log.warn({ error }, 'the last head could not be copied'));
    },
  };
}
