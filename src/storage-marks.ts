import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { type KnownLogs, UnknownLog } from './events/store/known-logs.ts';
import type { S3Options } from './platform/files/s3-storage.ts';

/** Where a place that holds data of an installation says to which log the data belongs. */
export interface StorageMark {
  /** For people: what the place is, and the setting that leads to it. */
  place: string;
  setting: string;
  /** The log that the place belongs to; undefined for one without a mark. Throws what the storage throws. */
  read(): Promise<string | undefined>;
  /** Marks a place that has no mark. Of instances that do so at once, the first decides. */
  write(logId: string): Promise<void>;
}

/** The name of the mark, in a directory and in a bucket. */
const NAME = 'log-id';

/** The marks of all that the configuration leads to. */
export function storageMarks({ dataDir, s3 }: Pick<Config, 'dataDir' | 's3'>): { directory: StorageMark; bucket: StorageMark | undefined } {
  return { directory: markOfDirectory(dataDir), bucket: s3 ? markOfBucket(s3) : undefined };
}

/**
 * Marks a place as one of this log, or sees that it is marked as one of a log that this installation knows: what no event of the own log
 * mentions is removed from storage as left over, so that two installations would remove each other's files.
 * @throws UnknownLog, and what the storage throws
 */
export async function requireOwnStorage(mark: StorageMark, logId: string, known: KnownLogs): Promise<void> {
  if ((await mark.read()) === undefined) await mark.write(logId);
  const owner = await mark.read();
  if (owner === undefined || owner === logId || (await known.isKnown(owner))) return;
  throw new UnknownLog(
    `${mark.place} belongs to the event log ${owner}, which is not of this installation: each of the two would remove the files of the` +
      ` other. Set ${mark.setting} to a place of this installation's own. To use it none the less: npm run adopt-log -- ${owner}`,
  );
}

function markOfDirectory(directory: string): StorageMark {
  const file = join(directory, NAME);
  return {
    place: `DATA_DIR ${directory}`,
    setting: 'DATA_DIR',
    read: () => readFile(file, 'utf8').then(trimmed, orUndefined('ENOENT')),
    write: (logId) => writeFile(file, `${logId}\n`, { flag: 'wx', mode: 0o600 }).catch(orUndefined('EEXIST')),
  };
}

function markOfBucket(options: S3Options): StorageMark {
  /** The client of S3 is loaded by installations that have a bucket. */
  const withTexts = async <T>(use: (texts: import('./platform/files/s3-texts.ts').S3Texts) => Promise<T>): Promise<T> => {
    const { openS3Texts } = await import('./platform/files/s3-texts.ts');
    const texts = openS3Texts(options);
    return use(texts).finally(() => texts.close());
  };
  return {
    place: `The bucket ${options.bucket}`,
    setting: 'S3_BUCKET',
    read: () => withTexts(async (texts) => (await texts.all(NAME)).map(trimmed)[0]),
    write: (logId) => withTexts((texts) => texts.put(NAME, `${logId}\n`)),
  };
}

function trimmed(text: string): string | undefined {
  return text.trim() || undefined;
}

function orUndefined(code: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== code) throw error;
    return undefined;
  };
}
