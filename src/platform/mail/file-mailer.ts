import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import nodemailer from 'nodemailer';
import { CONCERNS_HEADER } from './mail-files.ts';
import { type Mailer, MailFailure, toMessage } from './mailer.ts';

/** Writes each mail into a file, `<time>-<id>.eml`, that its owner alone can read: where there is no server to send them. */
export function createFileMailer(directory: string, from: string): Mailer {
  const composer = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  const ready = () => mkdir(directory, { recursive: true, mode: 0o700 });

  return {
    from,
    async send(mail) {
      const message = toMessage(mail, from);
      const headers = { ...message.headers, [CONCERNS_HEADER]: (mail.concerns ?? []).join(' ') };
      const { message: bytes } = await composer.sendMail({ ...message, headers });
      const time = new Date().toISOString().replaceAll(':', '-');
      const id = mail.messageId.split('@')[0]!.replace(/[^\w.-]/g, '_');
      const draft = join(directory, `.${randomUUID()}`);
      await ready()
        .then(() => writeFile(draft, bytes as Buffer, { flag: 'wx', mode: 0o600, flush: true }))
        // Under its name it is there as a whole.
        .then(() => rename(draft, join(directory, `${time}-${id}.eml`)))
        .catch(async (error) => {
          await rm(draft, { force: true }).catch(() => {});
          throw unavailable(error);
        });
    },
    async check() {
      await ready()
        .then(() => access(directory, constants.W_OK))
        .catch((error) => {
          throw unavailable(error);
        });
    },
    close: async () => {},
  };
}

function unavailable({ code }: NodeJS.ErrnoException): MailFailure {
  return new MailFailure('unavailable', `the mail cannot be written into its file: ${code}`);
}
