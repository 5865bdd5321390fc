import { chmod, chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DataDirectoryUnusable, prepareDataDirectory } from '../../src/platform/data-directory.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tasktrail-data-'));
});
afterAll(async () => {
  await chmod(folder, 0o700);
  await rm(folder, { recursive: true });
});

test('makes a directory that is missing, open to its owner alone', async () => {
  const directory = join(folder, 'new', 'data');
  await prepareDataDirectory(directory);
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
});

test('closes what an earlier release left open, but for the volume of the image itself', async () => {
  const directory = join(folder, 'open');
  const blob = join(directory, 'files', 'blobs', 'task', 'file');
  const server = join(directory, 'postgres');
  for (const made of [join(blob, '..'), server]) await mkdir(made, { recursive: true, mode: 0o755 });
  await writeFile(blob, '', { mode: 0o644 });
  await writeFile(join(directory, 'keys.json'), '{}', { mode: 0o644 });
  await chmod(directory, 0o755);
  await chmod(server, 0o711);
  await prepareDataDirectory(directory);
  const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
  const paths = [directory, join(directory, 'files'), join(blob, '..'), blob, join(directory, 'keys.json'), server];
  expect(await Promise.all(paths.map(modeOf))).toEqual(['700', '700', '700', '600', '600', '711']);
  if (process.getuid!() !== 0) return;
  await chown(directory, 1000, 0);
  await chmod(directory, 0o770);
  await prepareDataDirectory(directory);
  expect(await modeOf(directory)).toBe('770');
});

test('says by whom a directory cannot be used, whose it is, and what to do', async () => {
  const directory = join(folder, 'file');
  await writeFile(directory, '');
  const error: Error = await prepareDataDirectory(directory).then(
    () => new Error('it was taken'),
    (error) => error,
  );
  expect(error).toBeInstanceOf(DataDirectoryUnusable);
  for (const part of [`uid ${process.getuid!()}`, `belongs to uid ${process.getuid!()}`, 'chown', 'DATA_DIR'])
    expect(error.message).toContain(part);
});
