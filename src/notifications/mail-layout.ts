/** What a mail says, without how it looks. Each text is as it is: what it holds has no meaning anywhere. */
export interface MailText {
  subject: string;
  /** Before the button. */
  paragraphs: readonly string[];
  button?: { label: string; url: string };
  /** Behind it. */
  afterwards?: readonly string[];
  /** In small print: why it was sent. */
  reason: string;
  unsubscribeUrl?: string;
}

const LONGEST_SUBJECT = 150;

/** Both forms of a mail, which say the same. */
export function layOut(mail: MailText): { subject: string; text: string; html: string } {
  return { subject: oneLine(mail.subject, LONGEST_SUBJECT), text: asText(mail), html: asHtml(mail) };
}

function asText({ paragraphs, button, afterwards = [], reason, unsubscribeUrl }: MailText): string {
  const action = button ? [`${button.label}:\n${button.url}`] : [];
  const ending = unsubscribeUrl === undefined ? reason : `${reason}\nNo more of them: ${unsubscribeUrl}`;
  return `${[...paragraphs, ...action, ...afterwards, `-- \n${ending}`].join('\n\n')}\n`;
}

function asHtml({ subject, paragraphs, button, afterwards = [], reason, unsubscribeUrl }: MailText): string {
  const paragraph = (text: string) => `<p style="margin:0 0 16px">${lines(text)}</p>`;
  const action = button ? [`<p style="margin:0 0 24px">${link(button.url, button.label, buttonStyle)}</p>`] : [];
  const ending = unsubscribeUrl === undefined ? '' : ` ${link(unsubscribeUrl, 'No more of them', 'color:#5b6b7c')}`;
  return [
    '<!doctype html>',
    `<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(subject)}</title></head>`,
    `<body style="margin:0;padding:24px;background:#f6f8fa;color:#16202b;font:16px/1.6 system-ui,sans-serif">`,
    `<div style="max-width:560px;margin:0 auto;padding:24px;background:#ffffff;border:1px solid #d9e0e7;border-radius:10px">`,
    ...[...paragraphs.map(paragraph), ...action, ...afterwards.map(paragraph)],
    `<p style="margin:24px 0 0;color:#5b6b7c;font-size:13px">${lines(reason)}${ending}</p>`,
    '</div></body></html>',
    '',
  ].join('\n');
}

const buttonStyle = 'display:inline-block;padding:10px 18px;border-radius:8px;background:#0f7b6c;color:#ffffff;text-decoration:none';

function link(url: string, label: string, style: string): string {
  return `<a href="${escapeHtml(url)}" style="${style}">${escapeHtml(label)}</a>`;
}

function lines(text: string): string {
  return escapeHtml(text).replaceAll('\n', '<br>\n');
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Text that somebody wrote, in the place of one line. */
export function oneLine(text: string, most: number): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return [...line].length <= most ? line : `${[...line].slice(0, most - 1).join('')}…`;
}
