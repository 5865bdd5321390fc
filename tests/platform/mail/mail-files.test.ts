import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createFileMailer } from '../../../src/platform/mail/file-mailer.ts';
import { createMailFiles } from '../../../src/platform/mail/mail-files.ts';

const people = Array.from({ length: 30 }, (_, n) => `00000000-0000-7000-8000-${String(n).padStart(12, '0')}`);
const at = '2026-01-02T03:04:05.000Z';
let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mail-files-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const send = (id: string, concerns: readonly string[]) =>
  createFileMailer(directory, 'Tasktrail <tasks@tasks.test>').send(
    { to: 'ann@tasks.test', subject: id, text: `${people[29]}`, html: '<p>', messageId: `${id}@tasks.test`, concerns },
    AbortSignal.timeout(1_000),
  );
const left = async () => (await readdir(directory)).map((name) => name.replace(/^.*Z-/, '').replace('.eml', '')).sort();

test('a mail goes with whomever it is addressed to or speaks of, also one that was written before a restart, and no other does', async () => {
  await send('to-0', [people[0]!]);
  await send('of-1-and-many', people.slice(1, 25));
  await send('of-26', [people[26]!]);
  const erased = (n: number) => [{ user_id: people[n]!, requested_at: at }];
  const files = createMailFiles(directory);
  await files.removeConcerning(erased(29));
  expect(await left()).toEqual(['of-1-and-many', 'of-26', 'to-0']);
  await files.removeConcerning(erased(0));
  expect(await left()).toEqual(['of-1-and-many', 'of-26']);
  await createMailFiles(directory).removeConcerning(erased(24));
  expect(await left()).toEqual(['of-26']);
});

test('a mail that does not say whom it concerns goes with the next person who is erased', async () => {
  await writeFile(join(directory, 'before.eml'), 'Subject: a mail of before\r\n\r\nof anyone');
  await createMailFiles(directory).removeConcerning([{ user_id: people[0]!, requested_at: at }]);
  expect(await left()).toEqual(['before']);
  await createMailFiles(directory).removeConcerning([{ user_id: people[0]!, requested_at: new Date(Date.now() + 1_000).toISOString() }]);
  expect(await left()).toEqual([]);
});

test('a mail goes after so long, and where there is no directory there is nothing to do', async () => {
  await send('old', [people[0]!]);
  await send('new', [people[0]!]);
  const [old] = (await readdir(directory)).filter((name) => name.includes('old'));
  const now = new Date();
  await utimes(join(directory, old!), now, new Date(now.getTime() - 60_000));
  await createMailFiles(directory).removeOlderThan(60_000, now);
  expect(await left()).toEqual(['new']);
  await createMailFiles(join(directory, 'absent')).removeConcerning([{ user_id: people[0]!, requested_at: at }]);
});
