// biome-ignore-all lint/suspicious/noTemplateCurlyInString: pieces of source are quoted as they are
import type { Weakening } from '../weakenings.ts';

/** What keeps accounts to those whose they are. */
export const accountDefences: readonly Weakening[] = [
  {
    name: 'attempts are counted by account',
    file: 'api/rate-limits.ts',
    from: 'const key = account ?? name;',
    to: 'const key = (WITHOUT ? null : account) ?? name;',
  },
  {
    name: 'only a verified address finds its account',
    file: 'accounts/directory.ts',
    from: "'lower(email) = lower($1) and email_verified'",
    to: "WITHOUT ? 'lower(email) = lower($1)' : 'lower(email) = lower($1) and email_verified'",
  },
  {
    name: 'the scope admin ends with the role',
    file: 'accounts/account-changes.ts',
    from: "if (before.role === 'admin' && after.role !== 'admin')",
    to: "if (before.role === 'admin' && after.role !== 'admin' && !WITHOUT)",
  },
  {
    name: 'common passwords are refused',
    file: 'accounts/common-passwords.ts',
    from: 'commonest ??= load();',
    to: 'commonest ??= WITHOUT ? new Set() : load();',
  },
  {
    name: 'a refresh is repeated within seconds',
    file: 'accounts/sessions.ts',
    from: 'token.used_at > $2::timestamptz - $3::interval and',
    to: "${WITHOUT ? 'token.used_at > $2::timestamptz - 1000 * $3::interval' : 'token.used_at > $2::timestamptz - $3::interval'} and",
  },
  {
    name: 'a refresh is repeated by the same agent',
    file: 'accounts/sessions.ts',
    from: 'and sessions.user_agent = $4 and',
    to: "and ${WITHOUT ? '$4::text is not null' : 'sessions.user_agent = $4'} and",
  },
  {
    name: 'a refresh is repeated while its successor is unused',
    file: 'accounts/sessions.ts',
    from: 'and successor.used_at is null\n',
    to: "and ${WITHOUT ? 'true' : 'successor.used_at is null'}\n",
  },
];
