import type { UserEvent } from '../events/user/user-events.ts';
import type { Role } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import type { AccountCall } from './account-call.ts';
import { type AccountChanges, changeAccount } from './account-changes.ts';
import type { SessionCaller } from './caller.ts';
import type { StopOutliving } from './credential-end.ts';
import { readUser } from './profile.ts';
import { type Registration, type RegistrationParts, registerOther } from './registration.ts';
import type { SecurityEventKind } from './security-event.ts';
import type { SecurityLog } from './security-log.ts';
import type { User } from './user.ts';

/** What admins do with the accounts of others. Whether the caller is one is known before. All may throw DatabaseUnavailable. */
export interface Administration {
  /** @throws Rejection EMAIL_TAKEN, USERNAME_TAKEN, VALIDATION_FAILED, OVERLOADED */
  makeAccount(account: Registration & { role: Role }, caller: SessionCaller, call: AccountCall): Promise<User>;
  /** @throws Rejection USER_NOT_FOUND */
  read(userId: string): Promise<User>;
  /** In force at that person's next request. @throws Rejection USER_NOT_FOUND, LAST_ADMIN, ADMIN_ONLY */
  change(userId: string, changes: AccountChanges, caller: SessionCaller, call: AccountCall): Promise<User>;
}

export interface AdministrationParts extends Omit<RegistrationParts, 'sessions'> {
  security: Pick<SecurityLog, 'record'>;
  stopOutliving: StopOutliving;
  /** Waits, not for long, until what was recorded is in the log of events. */
  recorded(): Promise<void>;
  /** Puts in force here what was committed of somebody's account, and waits likewise. */
  changed(userId: string): Promise<void>;
}

export function createAdministration(parts: AdministrationParts): Administration {
  const { database, clock, security, recorded, changed } = parts;

  const tell = (kind: SecurityEventKind, userId: string, caller: SessionCaller, call: AccountCall, details: Record<string, unknown> = {}) =>
    security.record({ kind, userId, actorId: caller.id, ip: call.ip, requestId: call.requestId, details });

  return {
    async makeAccount(account, caller, call) {
      const user = await registerOther(parts, account, caller, call);
      if (user.role === 'admin') tell('role_changed', user.id, caller, call, { role: { from: null, to: user.role } });
      await recorded();
      return user;
    },
    async read(userId) {
      const user = await readUser(database, userId);
      if (!user) throw new Rejection('USER_NOT_FOUND', 'There is no such user');
      return user;
    },
    async change(userId, changes, caller, call) {
      const { user, events } = await changeAccount(parts, caller, userId, changes, call, clock());
      for (const event of events) {
        const kind = kinds[event.type];
        if (kind) tell(kind, userId, caller, call, event.data);
      }
      if (events.length > 0) await changed(userId);
      return user;
    },
  };
}

const kinds: Partial<Record<UserEvent['type'], SecurityEventKind>> = {
  UserRoleChanged: 'role_changed',
  UserDeactivated: 'account_disabled',
  UserReactivated: 'account_enabled',
};
