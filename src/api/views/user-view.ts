import { z } from 'zod';
import type { SignedIn } from '../../accounts/accounts.ts';
import type { User } from '../../accounts/user.ts';
import { Id, Role } from '../../events/values.ts';

export const UserView = z
  .strictObject({
    id: Id,
    email: z.string(),
    username: z.string(),
    full_name: z.string(),
    role: Role,
    is_active: z.boolean(),
    email_verified: z.boolean(),
    timezone: z.string().meta({ description: 'IANA name: what "today" means for this person.' }),
    created_at: z.iso.datetime({ precision: 3 }),
  })
  .meta({ id: 'User' });
export type UserView = z.output<typeof UserView>;

export const SignedInView = z
  .strictObject({
    access_token: z.string(),
    refresh_token: z.string().meta({ description: 'To be used once, for the next pair.' }),
    token_type: z.literal('bearer'),
    expires_in: z.int().meta({ description: 'Seconds until the access token expires.' }),
    user: UserView,
  })
  .meta({ id: 'SignedIn' });
export type SignedInView = z.output<typeof SignedInView>;

export function userView(user: User): UserView {
  return {
    id: user.id,
    email: user.email,
    username: user.username,
    full_name: user.fullName,
    role: user.role,
    is_active: user.isActive,
    email_verified: user.emailVerified,
    timezone: user.timezone,
    created_at: user.createdAt.toISOString(),
  };
}

export function signedInView({ accessToken, refreshToken, expiresIn, user }: SignedIn): SignedInView {
  return { access_token: accessToken, refresh_token: refreshToken, token_type: 'bearer', expires_in: expiresIn, user: userView(user) };
}
