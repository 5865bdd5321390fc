/** Where links in mails lead: pages of this service with a button, because scanners of mails open links. */
export interface MailAddresses {
  verification(token: string): string;
  /** The page with the button, which that one leads on to. */
  verificationPage(token: string): string;
  passwordReset(token: string): string;
  /** Of the page. */
  unsubscribing(token: string): string;
  /** Where mail programs post to by themselves (RFC 8058). */
  oneClick(token: string): string;
}

/** @param publicUrl where people reach the service, with or without a slash behind it */
export function mailAddresses(publicUrl: string): MailAddresses {
  const base = publicUrl.replace(/\/+$/, '');
  const withToken = (path: string) => (token: string) => `${base}${path}?token=${encodeURIComponent(token)}`;
  return {
    verification: withToken('/api/v1/notifications/verify'),
    verificationPage: withToken('/verify'),
    passwordReset: withToken('/password-reset'),
    unsubscribing: withToken('/unsubscribe'),
    oneClick: withToken('/api/v1/notifications/unsubscribe'),
  };
}
