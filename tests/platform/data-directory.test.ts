import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
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
