import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** In mails that are files, whom a mail is addressed to or speaks of: ids, with spaces between them. */
export const CONCERNS_HEADER = 'X-Tasktrail-Concerns';

/** People who are erased, and since when. */
export interface ErasedPerson {
  user_id: string;
  requested_at: string;
}

export interface MailFiles {
  /** Deletes files that are as old as that, in milliseconds. */
  removeOlderThan(ageMs: number, now: Date): Promise<void>;
  /** Deletes the mails that are addressed to one of these people or speak of them. */
  removeConcerning(people: readonly ErasedPerson[]): Promise<void>;
}

/** The mails that were written into a directory; none where there is no directory. */
export function createMailFiles(directory: string): MailFiles {
  /** Whom each file concerns, null where it does not say: a file is never changed. */
  const known = new Map<string, string | null>();

  const names = async (): Promise<string[]> => {
    const found: string[] = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of known.keys()) if (!found.includes(name)) known.delete(name);
    return found.filter((name) => name.endsWith('.eml'));
  };
  const remove = (name: string) => rm(join(directory, name), { force: true });

  const concernsOf = async (name: string): Promise<string | null> => {
    const concerns = known.get(name) ?? (await readConcerns(join(directory, name)));
    known.set(name, concerns);
    return concerns;
  };

  return {
    async removeOlderThan(ageMs, now) {
      for (const name of await names()) if (now.getTime() - (await writtenAt(join(directory, name))) >= ageMs) await remove(name);
    },
    async removeConcerning(people) {
      if (people.length === 0) return;
      const ids = new Set(people.map(({ user_id }) => user_id));
      const last = Math.max(...people.map(({ requested_at }) => Date.parse(requested_at)));
      for (const name of await names()) {
        const concerns = await concernsOf(name);
        // One of before the header may speak of anyone who was erased since it was written.
        const isConcerned =
          concerns === null ? last > (await writtenAt(join(directory, name))) : concerns.split(/\s+/).some((id) => ids.has(id));
        if (isConcerned) await remove(name);
      }
    },
  };
}

async function readConcerns(path: string): Promise<string | null> {
  const text = await readFile(path, 'latin1').catch(ifAbsent);
  const [head = ''] = text.split('\r\n\r\n', 1);
  const unfolded = head.replace(/\r\n[ \t]+/g, ' ');
  return new RegExp(`^${CONCERNS_HEADER}: *(.*)$`, 'im').exec(unfolded)?.[1]?.trim() ?? null;
}

/** Milliseconds since 1970; the end of time for a file that is gone. */
async function writtenAt(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    (error: NodeJS.ErrnoException) => (ifAbsent(error) === '' ? Number.POSITIVE_INFINITY : 0),
  );
}

function ifAbsent(error: NodeJS.ErrnoException): string {
  if (error.code !== 'ENOENT') throw error;
  return '';
}
