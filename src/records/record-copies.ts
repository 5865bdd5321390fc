import type { Config } from '../config.ts';

/** Copies of the erasures and of the signed heads, away from this machine. All may throw what the storage throws. */
export interface RecordCopies {
  /** @param lines of an erasure record, by the person's id */
  addErasures(lines: ReadonlyMap<string, string>): Promise<void>;
  /** As lines of an erasure record. */
  erasures(): Promise<string[]>;
  /** @param chain names the file of one instance: the hash of its first head */
  putHeads(chain: string, lines: readonly string[]): Promise<void>;
  /** The lines of each instance's file. */
  headFiles(): Promise<string[][]>;
  close(): void;
}

const ERASURES = 'records/erasures/';
const HEADS = 'records/heads/';

/** @returns undefined where there is no bucket */
export async function openRecordCopies({ s3 }: Pick<Config, 's3'>): Promise<RecordCopies | undefined> {
  if (!s3) return undefined;
  const { openS3Texts } = await import('../platform/files/s3-texts.ts');
  const texts = openS3Texts(s3);
  return {
    async addErasures(lines) {
      for (const [userId, line] of lines) await texts.put(`${ERASURES}${userId}.json`, line);
    },
    erasures: () => texts.all(ERASURES),
    putHeads: (chain, lines) => texts.put(`${HEADS}${chain}.ndjson`, lines.map((line) => `${line}\n`).join('')),
    headFiles: async () => (await texts.all(HEADS)).map((text) => text.split('\n').filter((line) => line !== '')),
    close: () => texts.close(),
  };
}
