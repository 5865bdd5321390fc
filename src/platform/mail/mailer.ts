/** A mail to one person, rendered. */
export interface Mail {
  /** One address, without a name. */
  to: string;
  subject: string;
  text: string;
  html: string;
  /** Without its angle brackets. The same mail sent again has the same. */
  messageId: string;
  /** Whom it is addressed to or speaks of, by id: where mails are files, an erasure of any of them deletes it. */
  concerns?: readonly string[];
  /** Where one POST ends such mails (RFC 8058). */
  unsubscribeUrl?: string;
}

/** Hands mails over. */
export interface Mailer {
  /** The address that mails come from, with or without a name. */
  readonly from: string;
  /** Resolves when the mail is somebody else's to deliver. @throws MailFailure; whether it was taken is then not known for sure */
  send(mail: Mail, signal: AbortSignal): Promise<void>;
  /** @throws MailFailure when mails could not be handed over just now */
  check(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Why a mail was not handed over. `refused`: never will be, to this address; `deferred`: not now; `unavailable`: none can be just now,
 * whosesoever. What the server said is not in it: servers repeat addresses.
 */
export class MailFailure extends Error {
  override name = 'MailFailure';
  readonly kind: 'refused' | 'deferred' | 'unavailable';
  constructor(kind: MailFailure['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A mail in the terms of nodemailer, which reads no file and fetches nothing for it. */
export function toMessage({ to, subject, text, html, messageId, unsubscribeUrl }: Mail, from: string) {
  return {
    from,
    to: { name: '', address: to },
    subject,
    text,
    html,
    messageId: `<${messageId}>`,
    headers: {
      // RFC 3834: whoever answers by a machine does not answer this.
      'Auto-Submitted': 'auto-generated',
      ...(unsubscribeUrl !== undefined && {
        'List-Unsubscribe': { prepared: true, value: `<${unsubscribeUrl}>` },
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
      }),
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
