import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const installation = join(import.meta.dirname, '..', '..');

/** What is running: the version of the package, and the commit, which an image has in a file and a checkout in its repository. */
export function runningVersion(root = installation): { name: string; version: string; commit: string | null } {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name: string; version: string };
  return { name, version, commit: read(root, 'commit') || checkedOutCommit(root) };
}

function checkedOutCommit(root: string): string | null {
  const head = read(root, '.git/HEAD');
  const ref = head && /^ref: (.+)$/.exec(head)?.[1];
  if (!ref) return head;
  return (
    read(root, `.git/${ref}`) ??
    read(root, '.git/packed-refs')
      ?.split('\n')
      .find((line) => line.endsWith(` ${ref}`))
      ?.slice(0, 40) ??
    null
  );
}

function read(root: string, name: string): string | null {
  try {
    return readFileSync(join(root, name), 'utf8').trim();
  } catch {
    return null;
  }
}
