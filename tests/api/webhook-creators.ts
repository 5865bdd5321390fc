import type pg from 'pg';
import { databaseOn } from '../../src/accounts/database.ts';
import { linkToken, readLink } from '../../src/accounts/mail-link.ts';
import { deriveKey } from '../../src/events/keys/data-key.ts';
import { type Client, createClient, keys } from '../support/service.ts';
import type { Receiver } from '../support/webhook-receiver.ts';
import { makeToken } from './authorisation/tokens.ts';

/** What makes a webhook. */
export type Creator = 'a session' | 'another session' | 'a token';
export const creators: readonly Creator[] = ['a session', 'another session', 'a token'];

export interface World {
  url: string;
  admin: Client;
  pool: pg.Pool;
  receiver: Receiver;
}

/** An account with a webhook by each creator. */
export interface Owner {
  name: string;
  by: Record<Creator, Client>;
  tokenId: string;
  hooks: Record<Creator, { id: string; path: string }>;
}

const password = 'Passw0rd-of-mine';

export async function anOwner({ url, pool, receiver }: World, name: string): Promise<Owner> {
  const anonymous = createClient(url);
  const { user, access_token } = (await anonymous.post('/auth/register', { email: `${name}@tasks.test`, username: name, password })).body;
  await pool.query('update accounts.users set email_verified = true where id = $1', [user.id]);
  const signedIn = (token: string): Client => ({ ...createClient(url, token), id: user.id, username: name });
  const session = signedIn(access_token);
  const other = signedIn((await anonymous.post('/auth/login', { username: name, password })).body.access_token);
  const { id: tokenId, token } = await makeToken(session, ['webhooks:manage', 'tasks:write']);
  const by: Owner['by'] = { 'a session': session, 'another session': other, 'a token': signedIn(token) };
  const hooks = {} as Owner['hooks'];
  for (const creator of creators) {
    const path = `/${name}/${creator.replaceAll(' ', '-')}`;
    const made = await by[creator].post('/webhooks', { url: receiver.url + path, types: ['task.*'] });
    if (made.status !== 201) throw new Error(`No webhook was made: ${made.status} ${made.text}`);
    hooks[creator] = { id: made.body.id, path };
  }
  return { name, by, tokenId, hooks };
}

export interface Cause {
  cause: string;
  reason: string;
  stops: readonly Creator[];
  /** The weakenings without which what is stopped would continue. */
  defence: string;
  end(owner: Owner, world: World): Promise<void>;
}

const succeeded = ({ status, text }: { status: number; text: string }) => {
  if (status >= 300) throw new Error(`${status} ${text}`);
};

export const causes: readonly Cause[] = [
  {
    cause: 'the token is revoked',
    reason: 'token_ended',
    stops: ['a token'],
    defence: 'a webhook ends with the token that made it',
    end: async ({ by, tokenId }) => succeeded(await by['a session'].delete(`/auth/tokens/${tokenId}`)),
  },
  {
    cause: 'the token expires',
    reason: 'token_ended',
    stops: ['a token'],
    defence: 'a webhook ends with the token that made it',
    end: async ({ tokenId }, { pool }) =>
      void (await pool.query(`update accounts.access_tokens set expires_at = now() - interval '1 second' where id = $1`, [tokenId])),
  },
  {
    cause: 'the password is changed',
    reason: 'password_changed',
    stops: ['another session'],
    defence: 'a webhook ends with a change of password in another session',
    end: async ({ by }) =>
      succeeded(await by['a session'].post('/auth/password', { current_password: password, new_password: `${password}-2` })),
  },
  {
    cause: 'the password is reset',
    reason: 'password_reset',
    stops: creators,
    defence: 'webhooks end with a reset of the password',
    end: resetPassword,
  },
  {
    cause: 'the account is said to be compromised',
    reason: 'compromised',
    stops: creators,
    defence: 'webhooks end where an account may be compromised',
    end: async ({ by }) => succeeded(await by['a session'].post('/auth/logout', { all: true, compromised: true })),
  },
  {
    cause: 'the account is disabled',
    reason: 'account_disabled',
    stops: creators,
    defence: 'webhooks end with the account',
    end: async ({ by }, { admin }) => succeeded(await admin.patch(`/admin/users/${by['a session'].id}`, { is_active: false })),
  },
];

/** By the link that is mailed. */
export async function resetPassword({ name }: Pick<Owner, 'name'>, { url, pool }: Pick<World, 'url' | 'pool'>): Promise<void> {
  const anonymous = createClient(url);
  succeeded(await anonymous.post('/auth/password-reset', { email: `${name}@tasks.test` }));
  const { rows } = await pool.query(
    `select links.id from accounts.mail_links links join accounts.users on users.id = links.user_id where users.username = $1`,
    [name],
  );
  const link = await readLink(databaseOn(pool), rows[0].id, new Date());
  const token = linkToken(deriveKey(keys.SECRET_KEY!, 'mail links'), link!);
  succeeded(await anonymous.post('/auth/password-reset/confirm', { token, new_password: `${password}-3` }));
}
