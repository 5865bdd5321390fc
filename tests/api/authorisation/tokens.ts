import type { Client } from '../../support/service.ts';
import type { CallerKind, TokenNeeds } from './contract.ts';

type Scope = Exclude<TokenNeeds, 'session' | null>;

/** What grants each scope, by the contract: writing and managing include reading. */
const grantedBy: Record<Scope, readonly Scope[]> = {
  'tasks:read': ['tasks:read', 'tasks:write'],
  'tasks:write': ['tasks:write'],
  'events:read': ['events:read', 'webhooks:manage'],
  'webhooks:manage': ['webhooks:manage'],
  admin: ['admin'],
};
const scopes = Object.keys(grantedBy) as Scope[];

/** Personal access tokens: for each scope one that has just that, and one that has all that do not grant it. */
export interface Tokens {
  of(caller: CallerKind, needs: TokenNeeds, ofAdmin: boolean): string;
}

export async function makeTokens({ owner, admin, disabled }: Record<'owner' | 'admin' | 'disabled', Client>): Promise<Tokens> {
  const revoked = await makeToken(owner, ['tasks:write']);
  const gone = await owner.delete(`/auth/tokens/${revoked.id}`);
  if (gone.status !== 204) throw new Error(`A token could not be revoked: ${gone.status} ${gone.text}`);
  const ofDisabled = await makeToken(disabled, ['tasks:write', 'webhooks:manage']);
  const own = await setFor(owner, ['tasks:read', 'tasks:write', 'events:read', 'webhooks:manage']);
  const admins = await adminsSet(admin);
  return {
    of(caller, needs, ofAdmin) {
      if (caller === 'revoked token') return revoked.token;
      if (caller === 'token of a disabled account') return ofDisabled.token;
      const set = ofAdmin ? admins : own;
      const scope = needs === null || needs === 'session' ? 'tasks:write' : needs;
      return caller === 'token with the scope' ? set.having[scope]! : set.lacking[scope]!;
    },
  };
}

async function setFor(person: Client, available: readonly Scope[]) {
  const having: Partial<Record<Scope, string>> = {};
  const lacking: Partial<Record<Scope, string>> = {};
  for (const scope of available) {
    having[scope] = (await makeToken(person, [scope])).token;
    lacking[scope] = (
      await makeToken(
        person,
        available.filter((other) => !grantedBy[scope].includes(other)),
      )
    ).token;
  }
  return { having, lacking };
}

/** What admins may takes a token that may what anybody may, and is for that too. */
async function adminsSet(admin: Client) {
  const having: Partial<Record<Scope, string>> = {};
  for (const scope of scopes) having[scope] = (await makeToken(admin, [...new Set<Scope>([scope, 'admin'])])).token;
  const { token } = await makeToken(admin, ['tasks:write', 'webhooks:manage']);
  return { having, lacking: Object.fromEntries(scopes.map((scope) => [scope, token])) as typeof having };
}

export async function makeToken(person: Client, scopes: readonly string[]): Promise<{ id: string; token: string }> {
  const reply = await person.post('/auth/tokens', { name: scopes.join(' '), scopes });
  if (reply.status !== 201) throw new Error(`No token was made: ${reply.status} ${reply.text}`);
  return reply.body;
}
