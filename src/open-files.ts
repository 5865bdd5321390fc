import { createFileUpkeep } from './commands/file-upkeep.ts';
import { createStorageQuota, withoutQuota } from './commands/storage-quota.ts';
import type { Tasks } from './commands/tasks.ts';
import type { Config } from './config.ts';
import type { Database } from './database.ts';
import type { EventStore } from './events/store/event-store.ts';
import { createKnownLogs, UnknownLog } from './events/store/known-logs.ts';
import { openFileStorage } from './file-storage.ts';
import { startChore } from './platform/chore.ts';
import type { Closing } from './platform/closing.ts';
import type { Logger } from './platform/logging.ts';
import type { Queries } from './queries/queries.ts';
import { usedBytes } from './queries/tasks/used-bytes.ts';
import { requireOwnStorage, type StorageMark, storageMarks } from './storage-marks.ts';

export interface FilesDependencies {
  config: Config;
  logger: Logger;
  closing: Closing;
  database: Pick<Database, 'pool' | 'pools'>;
  tasks: Tasks;
  queries: Queries;
  store: Pick<EventStore, 'logId'>;
  /** The schema of the listing as it is read just now. @throws ReadModelIncomplete */
  listingSchema(): string;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** The storage of files; what was deleted long enough ago is purged from now on. @throws UnknownLog when it is of another installation */
export async function openFiles({ config, logger, closing, database, tasks, queries, store, listingSchema }: FilesDependencies) {
  const filesLog = logger.named('files');
  const { directory, bucket } = storageMarks(config);
  const requireOwn = (mark: StorageMark) => requireOwnStorage(mark, store.logId, createKnownLogs(database.pool));
  await requireOwn(directory);
  if (bucket) {
    await requireOwn(bucket).catch((error: unknown) => {
      if (error instanceof UnknownLog) throw error;
      filesLog.warn({ error }, 'the bucket cannot be reached; before anything is removed from it, it is checked whose it is');
    });
  }
  const { storage, staging } = await openFileStorage(config);
  closing.add('file storage', () => storage.close());
  const { maxSize, extensions, retentionDays, quotaBytes } = config.files;
  const quota =
    quotaBytes === 0
      ? withoutQuota
      : createStorageQuota({
          pool: database.pools.commands,
          maxBytes: quotaBytes,
          usedBytes: (client, userId, pending) => usedBytes(client, listingSchema(), userId, pending),
        });
  const upkeep = createFileUpkeep({ storage, staging, quota, tasks, retentionDays, readModel: queries });
  const chore = startChore(database.pool, {
    name: 'files',
    every: HOUR_MS,
    retryAfter: MINUTE_MS,
    // A bucket that could not be reached at the start may be of another installation, whose files are no leftovers.
    work: async (signal) => {
      if (bucket) await requireOwn(bucket);
      await upkeep.run(signal);
    },
    onFailure: (error) => filesLog.warn({ error }, 'files could not be purged and collected; it is tried again'),
  });
  closing.add('file upkeep', () => chore.close());
  return { storage, staging, quota, upkeep, rules: { maxSize, extensions } };
}
