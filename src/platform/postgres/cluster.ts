import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What postmaster.pid says of the server that wrote it; `ready` once it accepts connections. */
export type PostmasterFile = { readonly pid: number; readonly dataDirectory: string; readonly ready: boolean };

export async function readPostmasterFile(cluster: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, dataDirectory = '', , , , , , status = ''] = text.split('\n');
  return Number(pid) > 0 ? { pid: Number(pid), dataDirectory, ready: status.startsWith('ready') } : undefined;
}

/** The name that a cluster's processes carry in their titles: its inode stays when it is moved and differs in a copy. */
export async function clusterName(cluster: string): Promise<string> {
  const { dev, ino } = await stat(cluster);
  return `tasktrail-${dev.toString(16)}-${ino}`;
}
