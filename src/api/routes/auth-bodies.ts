import { z } from 'zod';
import type { Logout } from '../../accounts/accounts.ts';
import { Email, FullName, GivenUsername, isGuessable, Password, Timezone, Username } from '../../accounts/credentials.ts';
import { asciiAddress } from '../../accounts/email-syntax.ts';
import type { Credentials } from '../../accounts/login.ts';
import { Role } from '../../events/values.ts';
import { exclusive } from '../forms.ts';

/** Whatever else is wrong with a body, as long as it is an object. */
const when = ({ value }: { value: unknown }) => typeof value === 'object' && value !== null && !Array.isArray(value);

const notBoth = (path: string, other: string) => ({
  error: `cannot go together with ${other}`,
  path: [path],
  params: { code: 'conflicts_with' },
  when,
});

const registration = { email: Email, username: Username.optional(), password: Password, full_name: FullName.default('') };

const unguessable = {
  error: 'must not be the e-mail address or the username',
  path: ['password'],
  params: { code: 'format' },
};

export const RegisterBody = z
  .strictObject(registration)
  .refine((body) => !isGuessable(body.password, body), unguessable)
  .meta({ id: 'Register' });

export const NewUserBody = z
  .strictObject({ ...registration, username: GivenUsername.optional(), role: Role.default('user') })
  .refine((body) => !isGuessable(body.password, body), unguessable)
  .meta({ id: 'NewUser' });

export const UserChangesBody = z.strictObject({ role: Role.optional(), is_active: z.boolean().optional() }).meta({ id: 'UserChanges' });

// What would never be accepted at registration is no fault here: it is an account that nobody has.
export const LoginBody = z
  .strictObject({
    email: z.string().min(1).max(254).optional(),
    username: z.string().min(1).max(254).optional(),
    password: z.string().min(1).max(1024),
  })
  .refine(({ email, username }) => email === undefined || username === undefined, notBoth('username', 'email'))
  .refine(({ email, username }) => email !== undefined || username !== undefined, {
    error: 'is required, or username',
    path: ['email'],
    params: { code: 'required' },
    when,
  })
  .meta({ id: 'Login', description: 'Exactly one of `email` and `username`.', ...exclusive(['email', 'username']) });

export const RefreshBody = z.strictObject({ refresh_token: z.string().min(1).max(1024) }).meta({ id: 'Refresh' });

export const LogoutBody = z
  .strictObject({ refresh_token: z.string().min(1).max(1024).optional(), all: z.boolean().optional(), compromised: z.boolean().optional() })
  .refine(({ refresh_token, all }) => refresh_token === undefined || all === undefined, notBoth('all', 'refresh_token'))
  .refine(({ all, compromised }) => !compromised || all === true, {
    error: 'needs all: true beside it',
    path: ['compromised'],
    params: { code: 'conflicts_with' },
    when,
  })
  .meta({
    id: 'Logout',
    ...exclusive(['refresh_token', 'all']),
    description:
      'Nothing for this session, `refresh_token` for the one it belongs to, or `all: true`. With `compromised: true`, personal tokens end too, and all webhooks stop until they are reactivated.',
  });

// The current one may be older than today's rules.
export const PasswordBody = z
  .strictObject({ current_password: z.string().min(1).max(1024), new_password: Password })
  .meta({ id: 'PasswordChange' });

export const ProfileBody = z
  .strictObject({ full_name: FullName.optional(), username: Username.optional(), timezone: Timezone.optional() })
  .meta({ id: 'Profile' });

export function toCredentials({ email, username, password }: z.output<typeof LoginBody>): Credentials {
  return email === undefined ? { username: username!, password } : { email: asciiAddress(email), password };
}

export function toLogout({ refresh_token, all, compromised }: z.output<typeof LogoutBody>): Logout {
  if (refresh_token !== undefined) return { refreshToken: refresh_token };
  if (compromised) return 'everything';
  return all ? 'all sessions' : 'this session';
}
