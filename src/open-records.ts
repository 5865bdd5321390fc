import { join } from 'node:path';
import type pg from 'pg';
import type { Accounts } from './accounts/accounts.ts';
import type { Config } from './config.ts';
import { type ErasureRecord, openErasureRecord, recordFile } from './erasure/erasure-record.ts';
import { headsFileIn } from './events/integrity/heads-file.ts';
import { mailDirectoryIn } from './mail.ts';
import type { Closing } from './platform/closing.ts';
import type { Keys } from './platform/generated-keys.ts';
import type { Logger } from './platform/logging.ts';
import { createMailFiles } from './platform/mail/mail-files.ts';
import { recoverRecords, startRecordKeeping } from './records/keep-records.ts';
import { openRecordCopies } from './records/record-copies.ts';
import { createSealedCounts } from './records/record-counts.ts';

export interface RecordSideDependencies {
  config: Pick<Config, 'dataDir' | 's3'>;
  keys: Keys;
  pool: pg.Pool;
  accounts: Pick<Accounts, 'erasures' | 'onChange'>;
  logger: Logger;
  closing: Closing;
}

/** What is kept beside the database, to outlive a restore of it. */
export interface RecordSide {
  erasures: ErasureRecord;
  /** What was missing at the start, for people. */
  missing: readonly string[];
}

/**
 * Opens this instance's records, brings what the copies hold into them, and keeps them from now on. To be called before anything is erased
 * again by what is recorded, and before heads are signed.
 */
export async function openRecords({ config, keys, pool, accounts, logger, closing }: RecordSideDependencies): Promise<RecordSide> {
  const copies = await openRecordCopies(config);
  closing.add('copies of records', async () => copies?.close());
  const erasures = await openErasureRecord(join(config.dataDir, recordFile));
  const dependencies = {
    record: erasures,
    headsFile: headsFileIn(config.dataDir),
    wishes: accounts.erasures.wishes,
    copies,
    counts: createSealedCounts(pool, keys),
    mailFiles: createMailFiles(mailDirectoryIn(config.dataDir)),
    log: logger.named('records'),
  };
  const recovered = await recoverRecords(dependencies);
  const keeping = startRecordKeeping(dependencies, recovered);
  accounts.onChange(() => keeping.wake());
  closing.add('records', () => keeping.close());
  return { erasures, missing: recovered.missing };
}
