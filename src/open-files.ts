import { createFileUpkeep } from './commands/file-upkeep.ts';
import { createStorageQuota, withoutQuota } from './commands/storage-quota.ts';
import type { Tasks } from './commands/tasks.ts';
import type { Config } from './config.ts';
import type { Database } from './database.ts';
import { openFileStorage } from './file-storage.ts';
import { startChore } from './platform/chore.ts';
import type { Closing } from './platform/closing.ts';
import type { Logger } from './platform/logging.ts';
import type { Queries } from './queries/queries.ts';
import { usedBytes } from './queries/tasks/used-bytes.ts';

export interface FilesDependencies {
  config: Config;
  logger: Logger;
  closing: Closing;
  database: Pick<Database, 'pool' | 'pools'>;
  tasks: Tasks;
  queries: Queries;
  /** The schema of the listing as it is read just now. @throws ReadModelIncomplete */
  listingSchema(): string;
}

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** The storage of files; what was deleted long enough ago is purged from now on. */
export async function openFiles({ config, logger, closing, database, tasks, queries, listingSchema }: FilesDependencies) {
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
    work: upkeep.run,
    onFailure: (error) => logger.named('files').warn({ error }, 'files could not be purged and collected; it is tried again'),
  });
  closing.add('file upkeep', () => chore.close());
  return { storage, staging, quota, upkeep, rules: { maxSize, extensions } };
}
