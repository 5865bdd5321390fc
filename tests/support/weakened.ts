import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keys, type TestService } from './service.ts';
import { startServiceProcess } from './service-process.ts';

/** The service in a build whose defences can be taken away, on the data of one that is whole. */
export interface Weakened {
  url: string;
  /** Its DATA_DIR. */
  directory: string;
  /** What it has logged, as parsed lines. */
  log: readonly Record<string, unknown>[];
  /** Takes these away, by the names of weakenings.ts, and puts back all others. */
  without(...names: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

const entry = join(import.meta.dirname, 'weakened-service.ts');

/** @param sameStores and whatever else it is given @param names taken away before it starts, for those that are looked at only then */
export async function startWeakened({ sameStores }: Pick<TestService, 'sameStores'>, names: readonly string[] = []): Promise<Weakened> {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-weakened-'));
  const without = (...names: readonly string[]) => writeFile(join(directory, 'without'), names.join('\n'));
  await without(...names);
  const child = await startServiceProcess({ ...keys, ...sameStores, DATA_DIR: directory, ENVIRONMENT: 'test' }, entry);
  return {
    url: child.url,
    directory,
    log: child.log,
    without,
    async stop() {
      await child.end('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
