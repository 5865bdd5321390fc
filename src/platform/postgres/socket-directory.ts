import { lstat, mkdir, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clusterName } from './cluster.ts';
import { type Account, giveTo } from './run-as.ts';

// A unix socket, not TCP: no other process can take its address between two starts, and no other user of the machine can reach it. Its
// path must fit into sockaddr_un (108 bytes on Linux, 104 on macOS), so a long directory has its socket in the temporary one, in a place
// of its own.
const LONGEST_SOCKET_DIRECTORY = 103 - '/.s.PGSQL.5432.lock'.length;

/** Where the server's socket is. */
export async function socketDirectoryOf(root: string, cluster: string): Promise<string> {
  const near = join(root, 'socket');
  return Buffer.byteLength(near) <= LONGEST_SOCKET_DIRECTORY ? near : join(await realpath(tmpdir()), await clusterName(cluster));
}

/** Makes the private directory (0700) of the server's socket, and answers its path. */
export async function socketDirectoryFor(root: string, cluster: string, account: Account | undefined): Promise<string> {
  const directory = await socketDirectoryOf(root, cluster);
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(directory);
  const rightful = [process.getuid?.(), account?.uid];
  if (!found.isDirectory() || !rightful.includes(found.uid)) throw new Error(`${directory} belongs to somebody else (uid ${found.uid}).`);
  await giveTo(account, directory);
  return directory;
}
