import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** What is running: the version of the package, and the commit when it runs from a checkout. */
export function runningVersion(): { name: string; version: string; commit: string | null } {
  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name: string; version: string };
  return { name, version, commit: checkedOutCommit() };
}

function checkedOutCommit(): string | null {
  const head = read('HEAD');
  const ref = head && /^ref: (.+)$/.exec(head)?.[1];
  if (!ref) return head;
  return (
    read(ref) ??
    read('packed-refs')
      ?.split('\n')
      .find((line) => line.endsWith(` ${ref}`))
      ?.slice(0, 40) ??
    null
  );
}

function read(name: string): string | null {
  try {
    return readFileSync(join(root, '.git', name), 'utf8').trim();
  } catch {
    return null;
  }
}
