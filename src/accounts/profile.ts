import type { UserEvent } from '../events/user/user-events.ts';
import { type AccountCall, accountEventContext } from './account-call.ts';
import type { SessionCaller } from './caller.ts';
import { type Database, type Sql, violatedUniqueness } from './database.ts';
import { taken } from './new-account.ts';
import { recordUserEvents } from './outbox.ts';
import { type User, userColumns } from './user.ts';

/** What people may change of how they are shown. */
export interface ProfileChanges {
  fullName?: string | undefined;
  username?: string | undefined;
  timezone?: string | undefined;
}

type Field = Extract<UserEvent, { type: 'UserProfileChanged' }>['data']['fields'][number];

/** The account as it is now; null when it is gone. */
export async function readUser(sql: Sql, userId: string): Promise<User | null> {
  const [user] = await sql.rows<User>(`select ${userColumns} from accounts.users where id = $1 and erased_at is null`, [userId]);
  return user ?? null;
}

/**
 * Changes what is different from what is there; when nothing is, nothing happens.
 * @returns the account, and whether it changed; null when it is gone. @throws Rejection USERNAME_TAKEN
 */
export function changeProfile(
  database: Database,
  caller: SessionCaller,
  changes: ProfileChanges,
  call: AccountCall,
  at: Date,
): Promise<{ user: User; changed: boolean } | null> {
  return database.transaction(async (sql) => {
    await sql.rows('select from accounts.users where id = $1 for no key update', [caller.id]);
    const before = await readUser(sql, caller.id);
    if (!before) return null;
    const after = { ...before, ...defined(changes) };
    const fields = changedFields(before, after);
    if (fields.length === 0) return { user: before, changed: false };
    await sql
      .rows('update accounts.users set full_name = $2, username = $3, timezone = $4 where id = $1', [
        caller.id,
        after.fullName,
        after.username,
        after.timezone,
      ])
      .catch((error) => {
        throw taken(violatedUniqueness(error)) ?? error;
      });
    const context = accountEventContext(call, { id: caller.id, kind: 'user', sessionId: caller.sessionId }, at);
    await recordUserEvents(sql, caller.id, [{ type: 'UserProfileChanged', data: { fields } }], context);
    await sql.rows('select accounts.announce_change($1)', [caller.id]);
    return { user: after, changed: true };
  });
}

function defined(changes: ProfileChanges): Partial<User> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

function changedFields(before: User, after: User): Field[] {
  const columns = { fullName: 'full_name', username: 'username', timezone: 'timezone' } as const;
  return (['fullName', 'username', 'timezone'] as const).filter((key) => before[key] !== after[key]).map((key) => columns[key]);
}
