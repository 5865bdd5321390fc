import { access, chmod, constants, lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** The directory of the service's own data cannot be used. The message says by whom, whose it is, and what to do. */
export class DataDirectoryUnusable extends Error {
  override name = 'DataDirectoryUnusable';
}

/** The embedded server's directory, which sees to the modes of what it holds, as PostgreSQL may run as another user. */
const OF_ITS_OWN = 'postgres';
/** What others than the owner may not have of any file or directory. */
const OTHERS = 0o077;

/**
 * Makes the directory where it is missing, and sees to it that its owner alone can reach what is in it: wider modes are corrected.
 * @throws DataDirectoryUnusable when this process cannot read and write in it
 */
export async function prepareDataDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataDirectoryUnusable(
      `DATA_DIR ${directory} cannot be read and written by this process (uid ${process.getuid?.()}, gid ${process.getgid?.()})` +
        `${await ownerOf(directory)}: ${reason}. Start the service as a user who may write there, give the directory to this user with chown, ` +
        'or set DATA_DIR to another directory.',
      { cause },
    );
  }
  if (!(await isOfImage(directory))) await chmod(directory, 0o700);
  for (const name of await readdir(directory)) if (name !== OF_ITS_OWN) await restrict(join(directory, name));
}

/** The volume of the container image is open to group 0, whatever user an orchestrator chooses. */
async function isOfImage(directory: string): Promise<boolean> {
  const { gid, mode } = await stat(directory);
  return gid === 0 && (mode & 0o777) === 0o770;
}

/** What is below a directory that was open may be open too; below any other, this service has made what there is. */
async function restrict(path: string): Promise<void> {
  const found = await lstat(path);
  if ((found.mode & OTHERS) === 0 || found.isSymbolicLink()) return;
  if (found.isDirectory()) for (const name of await readdir(path)) await restrict(join(path, name));
  // A directory comes after what is in it, so that a start that was interrupted is taken up by the next.
  await chmod(path, found.mode & 0o700);
}

async function ownerOf(directory: string): Promise<string> {
  const found = await stat(directory).catch(() => null);
  if (!found) return '';
  return `; it belongs to uid ${found.uid}, gid ${found.gid}, with mode ${(found.mode & 0o7777).toString(8).padStart(4, '0')}`;
}
