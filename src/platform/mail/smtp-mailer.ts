import { isIP } from 'node:net';
import nodemailer, { type NodemailerError } from 'nodemailer';
import { type Mailer, MailFailure, toMessage } from './mailer.ts';

// Milliseconds.
const CONNECT_WITHIN = 10_000;
const SILENT_FOR = 30_000;
/** A check is asked for by anybody: the server is asked once in so many milliseconds. */
const CHECK_EVERY = 10_000;

/**
 * Hands mails to a server, over a few connections that are used again.
 * @param url `smtp://` or `smtps://`, with name and password where the server wants them. Parameters are nodemailer's options
 */
export function createSmtpMailer(url: string, from: string): Mailer {
  const transport = nodemailer.createTransport({
    url,
    pool: true,
    maxConnections: 3,
    maxMessages: 100,
    // An idle connection may have been closed by the server: once more, and then it is for the outbox to try again.
    maxRequeues: 1,
    connectionTimeout: CONNECT_WITHIN,
    greetingTimeout: CONNECT_WITHIN,
    dnsTimeout: CONNECT_WITHIN,
    socketTimeout: SILENT_FOR,
    socketCloseTimeout: 1_000,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...securityOf(new URL(url)),
  });
  let checked: { at: number; result: Promise<void> } | undefined;

  return {
    from,
    async send(mail, signal) {
      await transport.sendMail({ ...toMessage(mail, from), signal }).catch((error) => {
        throw failureOf(error);
      });
    },
    check() {
      if (!checked || performance.now() - checked.at > CHECK_EVERY) {
        const asked = transport.verify().then(
          () => {},
          (error) => {
            throw failureOf(error);
          },
        );
        asked.catch(() => {});
        checked = { at: performance.now(), result: asked };
      }
      return checked.result;
    },
    close: async () => transport.close({ force: true }),
  };
}

/**
 * A password goes over no line that can be read, and a server elsewhere shows a certificate that holds. On this very machine neither is
 * asked for. What the address says itself comes before this.
 */
function securityOf({ protocol, hostname, username }: URL) {
  if (isThisMachine(hostname)) return { tls: { rejectUnauthorized: false } };
  return { requireTLS: protocol === 'smtp:' && username !== '' };
}

function isThisMachine(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}

function failureOf({ code, command = '', responseCode = 0, message }: NodemailerError): MailFailure {
  const isOfThisMail = (code === 'EENVELOPE' || code === 'EMESSAGE') && !command.startsWith('MAIL') && responseCode !== 421;
  const facts = [code, responseCode || undefined, command].filter(Boolean).join(' ');
  if (isOfThisMail && responseCode >= 500) return new MailFailure('refused', `the mail server refuses it: ${facts}`);
  if (isOfThisMail) return new MailFailure('deferred', `the mail server does not take it now: ${facts}`);
  // Without a response it is the system that speaks: of hosts and ports.
  const reason = responseCode === 0 && message ? `${facts}: ${message}` : facts;
  return new MailFailure('unavailable', `the mail server does not serve: ${reason}`);
}
