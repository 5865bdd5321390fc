import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import PostalMime from 'postal-mime';
import { createFileMailer } from '../../../src/platform/mail/file-mailer.ts';
import type { Mail, Mailer } from '../../../src/platform/mail/mailer.ts';
import { createSmtpMailer } from '../../../src/platform/mail/smtp-mailer.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';

const from = 'Tasktrail <tasktrail@tasks.test>';
const mail: Mail = {
  to: 'ann@tasks.test',
  subject: 'Grüße: “x”',
  text: 'As text: ä, and a long line that leads to https://tasks.test/verify?token=0123456789012345678901234567890123456789\n.\nend\n',
  html: '<p>As HTML</p>',
  messageId: 'event.person@tasks.test',
};
const signal = () => AbortSignal.timeout(10_000);
const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    ({ name, kind, message }) => ({ name, kind, message }),
  );

let server: MailServer;
const open: Mailer[] = [];
const mailer = (url: string) => {
  const made = createSmtpMailer(url, from);
  open.push(made);
  return made;
};

beforeAll(async () => {
  server = await startMailServer();
});
afterAll(async () => {
  for (const one of open) await one.close();
  await server?.stop();
});

describe('by SMTP', () => {
  test('a mail arrives as it was meant, in both forms, over TLS where that is offered', async () => {
    await mailer(server.url).send({ ...mail, unsubscribeUrl: 'https://tasks.test/end?token=x' }, signal());
    const { mail: got, secure } = await server.next('ann@tasks.test');
    expect(secure).toBe(true);
    expect(got).toMatchObject({
      subject: mail.subject,
      text: expect.stringContaining(mail.text.trim()),
      messageId: '<event.person@tasks.test>',
    });
    expect(got.html).toContain('<p>As HTML</p>');
    expect([got.from?.address, got.to?.map(({ address }) => address)]).toEqual(['tasktrail@tasks.test', ['ann@tasks.test']]);
    const header = (name: string) => got.headers.find(({ key }) => key === name)?.value;
    expect(header('list-unsubscribe')).toBe('<https://tasks.test/end?token=x>');
    expect(header('list-unsubscribe-post')).toBe('List-Unsubscribe=One-Click');
    expect(header('auto-submitted')).toBe('auto-generated');
  });

  test('name and password are shown where they are wanted, also behind smtps', async () => {
    const seen: unknown[] = [];
    const guarded = await startMailServer({
      secure: true,
      authOptional: false,
      onAuth({ username, password }, _, done) {
        seen.push(username, password);
        return password === 'p@ss/word' ? done(null, { user: username ?? '' }) : done(new Error('wrong'));
      },
    });
    try {
      const address = (password: string) => `smtps://user:${encodeURIComponent(password)}@127.0.0.1:${guarded.port}`;
      await mailer(address('p@ss/word')).send(mail, signal());
      expect(guarded.arrived).toHaveLength(1);
      expect(seen).toEqual(['user', 'p@ss/word']);
      const refused = await failure(mailer(address('other')).check());
      expect(refused).toMatchObject({ name: 'MailFailure', kind: 'unavailable' });
      expect(JSON.stringify(refused)).not.toContain('other');
    } finally {
      await guarded.stop();
    }
  });

  test.each([
    [{ recipient: 550 }, 'refused', 'EENVELOPE 550'],
    [{ recipient: 450 }, 'deferred', 'EENVELOPE 450'],
    [{ content: 554 }, 'refused', 'EMESSAGE 554'],
    [{ content: 451 }, 'deferred', 'EMESSAGE 451'],
  ])('what the server answers to it is told by kind, and without its words: %j', async (answer, kind, told) => {
    Object.assign(server.answer, answer);
    const failed = await failure(mailer(server.url).send(mail, signal()));
    Object.assign(server.answer, { recipient: undefined, content: undefined });
    expect(failed).toMatchObject({ name: 'MailFailure', kind, message: expect.stringContaining(told) });
    expect(JSON.stringify(failed)).not.toContain('secret@tasks.test');
  });

  test('a server that is away is unavailable, and one that says nothing no longer waited for than the caller does', async () => {
    const gone = await startMailServer();
    await gone.stop();
    const away = mailer(gone.url);
    expect(await failure(away.send(mail, signal()))).toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await failure(away.check())).toMatchObject({ kind: 'unavailable' });
    expect(await failure(mailer(server.url).check())).toBe('none');
    const silent = await startMailServer({ onConnect: () => {} });
    const since = performance.now();
    expect(await failure(mailer(silent.url).send(mail, AbortSignal.timeout(100)))).toMatchObject({ kind: 'unavailable' });
    expect(performance.now() - since).toBeLessThan(3_000);
    await silent.stop();
  });
});

test('into files, a mail is one that its owner alone can read, named for its time and id', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mail-'));
  try {
    const files = createFileMailer(join(directory, 'mail'), from);
    await files.check();
    await files.send(mail, signal());
    const [name, ...others] = await readdir(join(directory, 'mail'));
    expect(others).toEqual([]);
    expect(name).toMatch(/^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z-event\.person\.eml$/);
    const path = join(directory, 'mail', name!);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await PostalMime.parse(await readFile(path))).toMatchObject({
      subject: mail.subject,
      text: expect.stringContaining(mail.text.trim()),
    });
    await rm(directory, { recursive: true });
    expect(await failure(createFileMailer('/dev/null/mail', from).check())).toMatchObject({ kind: 'unavailable' });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
