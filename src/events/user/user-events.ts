import { z } from 'zod';
import { type EventOf, fromTo, v1 } from '../event-type.ts';
import { openText } from '../open-text.ts';
import { Id, Role, Time } from '../values.ts';

const nothing = z.strictObject({});

/** What can happen to an account. Who it is (name, address, password) is in the accounts tables alone, where it can be forgotten. */
export const userEvents = {
  UserRegistered: v1(z.strictObject({ role: Role, via: z.enum(['self', 'admin', 'first_start']) })),
  UserProfileChanged: v1(z.strictObject({ fields: z.array(z.enum(['full_name', 'username', 'timezone'])).min(1) })),
  UserEmailChanged: v1(nothing),
  UserEmailVerified: v1(nothing),
  UserPasswordChanged: v1(z.strictObject({ by: z.enum(['change', 'reset']) })),
  UserRoleChanged: v1(z.strictObject({ role: fromTo(Role) })),
  UserDeactivated: v1(nothing),
  UserReactivated: v1(nothing),
  UserErasureRequested: v1(z.strictObject({ transfer_to: Id.nullable() })),
  UserErased: v1(z.strictObject({ transfer_to: Id.nullable() })),
  AccessTokenCreated: v1(
    z.strictObject({
      token_id: Id,
      scopes: z.array(openText(z.string(), 'the name of a scope, from a closed list')),
      expires_at: Time.nullable(),
    }),
  ),
  AccessTokenRevoked: v1(z.strictObject({ token_id: Id })),
  NotificationPreferencesChanged: v1(
    z.strictObject({ changes: openText(z.record(z.string(), fromTo(z.json())), 'switches under the names of a closed list') }),
  ),
  WebhookCreated: v1(
    z.strictObject({
      webhook_id: Id,
      types: z.array(openText(z.string(), 'the pattern of an event type, checked against the types there are')),
    }),
  ),
  WebhookChanged: v1(
    z.strictObject({
      webhook_id: Id,
      changes: openText(z.record(z.string(), fromTo(z.json())), 'of address, description and secret it says only that they changed'),
    }),
  ),
  WebhookDeleted: v1(z.strictObject({ webhook_id: Id })),
  WebhookDisabled: v1(z.strictObject({ webhook_id: Id, reason: openText(z.string(), 'one of a closed list') })),
};

export type UserEvent = EventOf<typeof userEvents>;
export type UserEventType = UserEvent['type'];

export function userStream(userId: string): string {
  return `user-${userId}`;
}
