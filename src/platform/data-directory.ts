import { access, constants, mkdir, stat } from 'node:fs/promises';

/** The directory of the service's own data cannot be used. The message says by whom, whose it is, and what to do. */
export class DataDirectoryUnusable extends Error {
  override name = 'DataDirectoryUnusable';
}

/** Makes the directory where it is missing, for its owner only. @throws DataDirectoryUnusable when this process cannot read and write in it */
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
}

async function ownerOf(directory: string): Promise<string> {
  const found = await stat(directory).catch(() => null);
  if (!found) return '';
  return `; it belongs to uid ${found.uid}, gid ${found.gid}, with mode ${(found.mode & 0o7777).toString(8).padStart(4, '0')}`;
}
