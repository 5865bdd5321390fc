import { describe, expect, test } from '@jest/globals';
import { isEndable, type MailContent, renderMail } from '../../src/notifications/mail-templates.ts';

const url = 'https://tasks.test/page?token=1';
const hostile = '<script>alert("x")</script> & \'you\'\r\nBcc: all@tasks.test\u2028';
const task = { title: hostile };
const at = '2026-01-31 12:00 UTC';

const all: MailContent[] = [
  { kind: 'verification', url },
  { kind: 'password_reset', url },
  { kind: 'email_change', url },
  { kind: 'email_change_requested' },
  { kind: 'email_changed', at },
  { kind: 'password_changed', at },
  { kind: 'access_token_created', at, name: hostile, scopes: ['tasks:read', 'admin'] },
  { kind: 'webhook_disabled', url, reason: hostile },
  { kind: 'task_shared_with_me', by: hostile, task, permission: 'view' },
  { kind: 'task_assigned_to_me', by: hostile, task, as: 'owner' },
  { kind: 'task_completed', by: hostile, task },
  { kind: 'task_deleted', by: hostile, task },
  { kind: 'comment_on_my_task', by: hostile, task, comment: hostile },
  { kind: 'mentioned', by: hostile, task, comment: null },
  { kind: 'task_due_soon', tasks: [{ ...task, due: '2026-02-01' }] },
];

describe.each(all.map((content) => [content.kind, content] as const))('the mail %s', (kind, content) => {
  const { subject, text, html } = renderMail(content, 'https://tasks.test/end?token=x&y');

  test('has a subject of one line, and says the same as text and as HTML', () => {
    expect(subject).toMatch(/^[^\p{Cc}\p{Zl}\p{Zp}]{5,150}$/u);
    const shown = html.replace(/<title>.*<\/title>/s, '').replace(/<[^>]+>/g, ' ');
    const decoded = shown.replace(
      /&(lt|gt|quot|amp|#39);/g,
      (_, name) => ({ lt: '<', gt: '>', quot: '"', amp: '&', '#39': "'" })[name as 'lt']!,
    );
    const words = (all: string) => new Set(all.match(/[\p{L}\d]{3,}/gu));
    // Addresses stand in attributes.
    const missing = [...words(text.replace(/https:\S+/g, ''))].filter((word) => !words(decoded).has(word));
    expect(missing).toEqual([]);
  });

  test('lets nothing that people wrote be more than text', () => {
    expect(html).not.toContain('<script');
    expect(html).toContain('href="https://tasks.test/end?token=x&amp;y"');
    expect(html.match(/<p /g)?.length).toBe(html.match(/<\/p>/g)?.length);
  });

  test('leads only where it was told to', () => {
    const links = (form: string) => [...new Set(form.match(/https?:[^\s"<]+/g))].map((link) => link.replace('&amp;', '&')).sort();
    const given = ['https://tasks.test/end?token=x&y', ...('url' in content ? [url] : [])];
    for (const form of [text, html]) expect(links(form)).toEqual(given);
    expect(isEndable(kind)).toBe(/^(task_|comment_|mentioned)/.test(kind));
  });
});

test('what is too long is cut', () => {
  const { subject, text } = renderMail({
    kind: 'mentioned',
    by: 'x'.repeat(300),
    task: { ...task, title: 'é'.repeat(300) },
    comment: '🎈'.repeat(5000),
  });
  expect([...subject].length).toBeLessThanOrEqual(150);
  expect(subject).toMatch(/…$/);
  expect(text.match(/🎈/gu)).toHaveLength(1000);
  expect(text).toContain('🎈…');
});

test('several tasks that are due come in one mail', () => {
  const due = (title: string) => ({ title, due: '2026-02-01' });
  const { subject, text } = renderMail({ kind: 'task_due_soon', tasks: [due('One'), due('Two')] });
  expect(subject).toBe('2 tasks are due soon');
  expect(text).toContain('2026-02-01: One');
  expect(text).toContain('2026-02-01: Two');
});
