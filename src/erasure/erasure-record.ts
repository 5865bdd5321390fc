import { access, mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { Id } from '../events/values.ts';

/** Below DATA_DIR. */
export const recordFile = 'erasures.ndjson';

const Line = z.object({ user_id: Id, transfer_to: Id.nullable(), requested_at: z.iso.datetime() });
/** Somebody who wished to be erased: by id alone. */
export type RecordedWish = z.output<typeof Line>;

/** The erasures, in a file beside the database: a backup of the database that is older than an erasure knows nothing of it. */
export interface ErasureRecord {
  all(): readonly RecordedWish[];
  /** Whether the file was there when it was opened: without it, nothing tells whether there were erasures. */
  readonly wasThere: boolean;
  /** Adds what such lines say. */
  addLines(lines: readonly string[]): Promise<void>;
  /** Makes the file where there is none, so that its absence tells something the next time. */
  ensure(): Promise<void>;
  /** Adds those that are not there yet; on disk when it resolves. */
  add(wishes: readonly RecordedWish[]): Promise<void>;
}

/** @throws Error when the file is there and cannot be read */
export async function openErasureRecord(file: string): Promise<ErasureRecord> {
  const wasThere = await access(file).then(
    () => true,
    () => false,
  );
  const known = new Map((await readErasureRecord(file)).map((wish) => [wish.user_id, wish]));
  const record: ErasureRecord = {
    wasThere,
    all: () => [...known.values()],
    async ensure() {
      await mkdir(dirname(file), { recursive: true });
      await (await open(file, 'a', 0o600)).close();
    },
    addLines: (lines) => record.add(lines.flatMap(wishesIn)),
    async add(wishes) {
      const added = wishes.filter(({ user_id }) => !known.has(user_id));
      if (added.length === 0) return;
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      const handle = await open(file, 'a', 0o600);
      try {
        // In front, too: a line that a crash cut off must not spoil this one.
        await handle.write(added.map((wish) => `\n${JSON.stringify(wish)}\n`).join(''));
        await handle.sync();
      } finally {
        await handle.close();
      }
      for (const wish of added) known.set(wish.user_id, wish);
    },
  };
  return record;
}

/** What a file of erasures says; a line that was cut off says nothing. None when there is no such file. */
export async function readErasureRecord(file: string): Promise<RecordedWish[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('\n').flatMap(wishesIn);
}

/** What a line of a record says; one that was cut off says nothing. */
export function wishesIn(line: string): RecordedWish[] {
  const { data } = Line.safeParse(parsed(line));
  return data ? [data] : [];
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
