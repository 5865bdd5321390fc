import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

/** A mail as it arrived. */
export interface Arrived {
  /** Of the envelope. */
  to: string;
  mail: Email;
  secure: boolean;
}

export interface MailServer {
  port: number;
  url: string;
  arrived: readonly Arrived[];
  /** The first mail from the given place on that is for this address. Fails when none comes in time. */
  next(to: string, from?: number): Promise<Arrived>;
  /** What recipients and contents are answered with from now on; undefined takes them. */
  answer: { recipient?: number | undefined; content?: number | undefined };
  stop(): Promise<void>;
}

/** A mail server on a free port of this machine, which keeps what it takes. It offers TLS with a certificate that nobody knows. */
export async function startMailServer(options: SMTPServerOptions = {}, port = 0): Promise<MailServer> {
  const arrived: Arrived[] = [];
  const answer: MailServer['answer'] = {};
  const refusal = (code: number | undefined) =>
    code === undefined ? null : Object.assign(new Error('secret@tasks.test is not welcome'), { responseCode: code });
  const server = new SMTPServer({
    authOptional: true,
    logger: false,
    hideENHANCEDSTATUSCODES: true,
    closeTimeout: 10,
    onRcptTo: (_, __, done) => done(refusal(answer.recipient)),
    onData(stream, session, done) {
      const taken = async () => {
        const mail = await PostalMime.parse(await buffer(stream));
        const failure = refusal(answer.content);
        if (!failure) arrived.push(...session.envelope.rcptTo.map(({ address: to }) => ({ to, mail, secure: session.secure })));
        done(failure);
      };
      taken().catch(done);
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  const given = (server.server.address() as AddressInfo).port;
  return {
    port: given,
    url: `smtp://127.0.0.1:${given}`,
    arrived,
    answer,
    async next(to, from = 0) {
      for (const deadline = performance.now() + 10_000; performance.now() < deadline; ) {
        const found = arrived.slice(from).find((one) => one.to === to);
        if (found) return found;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(`No mail for ${to}; there are ${arrived.map((one) => `${one.to}: ${one.mail.subject}`)}`);
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
