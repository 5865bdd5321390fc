import { mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';

/** Where an instance keeps the heads that it has signed. */
export function headsFileIn(dataDir: string): string {
  return path.join(dataDir, 'log-heads.ndjson');
}

/** The lines of the file, without one at the end that a crash has cut off; none when it is not there. */
export async function readLines(file: string): Promise<string[]> {
  return wholeLines(await bytesOf(file));
}

/** The file as its one writer has it. */
export interface HeadsFile {
  /** Its last line when it was opened. */
  readonly last: string | undefined;
  /** Adds a line; it is on the disk when this is done. */
  append(line: string): Promise<void>;
  close(): Promise<void>;
}

/** Opens the file to write to it, and makes it if it is not there. A line that a crash has cut off is taken away. */
export async function openHeadsFile(file: string): Promise<HeadsFile> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const handle = await open(file, 'a', 0o600);
  try {
    const bytes = await bytesOf(file);
    const end = endOfLines(bytes);
    if (end < bytes.length) await handle.truncate(end);
    await syncDirectory(path.dirname(file));
    return {
      last: wholeLines(bytes).at(-1),
      async append(line) {
        await handle.appendFile(`${line}\n`);
        await handle.sync();
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function wholeLines(bytes: Buffer): string[] {
  return bytes.toString('utf8', 0, endOfLines(bytes)).split('\n').slice(0, -1);
}

function endOfLines(bytes: Buffer): number {
  return bytes.lastIndexOf('\n') + 1;
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory);
  await handle.sync().finally(() => handle.close());
}
