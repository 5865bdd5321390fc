import type { KeyObject } from 'node:crypto';
import { Rejection } from '../rejection.ts';
import { type AccountActor, type AccountCall, accountEventContext, actorOf } from './account-call.ts';
import type { Caller } from './caller.ts';
import type { Database, Sql } from './database.ts';
import { linkInvalid } from './mail-link.ts';
import { recordUserEvents } from './outbox.ts';
import { readUser } from './profile.ts';
import { unsubscribeToken, unsubscribing } from './unsubscribe-token.ts';

/** What somebody is mailed about. */
export const mailedKinds = [
  'task_shared_with_me',
  'task_assigned_to_me',
  'comment_on_my_task',
  'mentioned',
  'task_due_soon',
  'task_completed',
] as const;
export type MailedKind = (typeof mailedKinds)[number];

/** `HH:MM` each, in the person's time zone; over midnight where the end is before the beginning. */
export interface QuietHours {
  from: string;
  to: string;
}

/** What somebody wants of notifications. */
export interface Preferences extends Record<MailedKind, boolean> {
  /** False: do not disturb. */
  emailEnabled: boolean;
  quietHours: QuietHours | null;
}

/** With what it takes to follow them. */
export interface KnownPreferences extends Preferences {
  emailVerified: boolean;
  /** IANA name. */
  timezone: string;
}

export type PreferenceChanges = { [K in keyof Preferences]?: Preferences[K] | undefined };

/** All may throw DatabaseUnavailable. */
export interface PreferenceStore {
  /** Null for who is not, or is erased. */
  read(userId: string): Promise<KnownPreferences | null>;
  /** Changes what is different from what is there. @throws Rejection SESSION_ENDED */
  change(caller: Caller, changes: PreferenceChanges, call: AccountCall): Promise<KnownPreferences>;
  /** What ends the mails of this person when it is shown. */
  unsubscribeToken(userId: string): string;
  /** Ends the mails of whose token it is: from now on they are not disturbed. @throws Rejection LINK_INVALID */
  unsubscribe(token: string, call: AccountCall): Promise<void>;
}

export interface PreferenceParts {
  database: Database;
  clock: () => Date;
  /** Tokens are made with it. */
  unsubscribeKey: KeyObject;
  /** Waits, not for long, until what was recorded is in the log of events. */
  recorded(): Promise<void>;
}

const names = { emailEnabled: 'email_enabled', quietHours: 'quiet_hours' } as const;

export function createPreferences({ database, clock, unsubscribeKey, recorded }: PreferenceParts): PreferenceStore {
  const change = async (actor: AccountActor, changes: PreferenceChanges, call: AccountCall): Promise<KnownPreferences | null> => {
    let isChanged = false;
    const after = await database.transaction(async (sql) => {
      await sql.rows('select from accounts.users where id = $1 for no key update', [actor.id]);
      const before = await read(sql, actor.id);
      if (!before) return null;
      const after = { ...before, ...Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) };
      const told = changesBetween(before, after);
      isChanged = Object.keys(told).length > 0;
      if (!isChanged) return before;
      await save(sql, actor.id, after);
      const event = { type: 'NotificationPreferencesChanged', data: { changes: told } } as const;
      await recordUserEvents(sql, actor.id, [event], accountEventContext(call, actor, clock()));
      return after;
    });
    if (isChanged) await recorded();
    return after;
  };

  return {
    read: (userId) => read(database, userId),
    async change(caller, changes, call) {
      const changed = await change(actorOf(caller), changes, call);
      if (!changed) throw new Rejection('SESSION_ENDED', 'The account is gone');
      return changed;
    },
    unsubscribeToken: (userId) => unsubscribeToken(unsubscribeKey, userId),
    async unsubscribe(token, call) {
      const id = unsubscribing(unsubscribeKey, token);
      if (id === null || !(await change({ id, kind: 'user' }, { emailEnabled: false }, call))) throw linkInvalid();
    },
  };
}

type Row = Record<MailedKind, boolean | null> & { emailEnabled: boolean | null; from: string | null; to: string | null };

async function read(sql: Sql, userId: string): Promise<KnownPreferences | null> {
  const user = await readUser(sql, userId);
  if (!user) return null;
  const [row] = await sql.rows<Row>(
    `select email_enabled as "emailEnabled", quiet_from as "from", quiet_to as "to", ${mailedKinds.join(', ')}
       from notifications.preferences where user_id = $1`,
    [userId],
  );
  const { emailVerified, timezone } = user;
  if (!row) return { ...usual, emailVerified, timezone };
  const { from, to, ...flags } = row;
  return { ...usual, ...(flags as Preferences), quietHours: from === null ? null : { from, to: to! }, emailVerified, timezone };
}

const usual: Preferences = {
  emailEnabled: true,
  quietHours: null,
  task_shared_with_me: true,
  task_assigned_to_me: true,
  comment_on_my_task: true,
  mentioned: true,
  task_due_soon: true,
  task_completed: false,
};

async function save(sql: Sql, userId: string, { emailEnabled, quietHours, ...kinds }: Preferences): Promise<void> {
  const columns = ['email_enabled', 'quiet_from', 'quiet_to', ...mailedKinds];
  await sql.rows(
    `insert into notifications.preferences (user_id, ${columns.join(', ')}) values ($1, ${columns.map((_, nth) => `$${nth + 2}`).join(', ')})
     on conflict (user_id) do update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    [userId, emailEnabled, quietHours?.from ?? null, quietHours?.to ?? null, ...mailedKinds.map((kind) => kinds[kind])],
  );
}

type Told = Record<string, { from: boolean | Record<string, string> | null; to: boolean | Record<string, string> | null }>;

function changesBetween(before: Preferences, after: Preferences): Told {
  const keys = ['emailEnabled', 'quietHours', ...mailedKinds] as const;
  const different = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  const shown = (value: boolean | QuietHours | null) => (typeof value === 'object' && value ? { from: value.from, to: value.to } : value);
  return Object.fromEntries(
    different.map((key) => [key in names ? names[key as keyof typeof names] : key, { from: shown(before[key]), to: shown(after[key]) }]),
  );
}
