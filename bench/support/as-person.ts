import type { Person } from '../data/people.ts';
import { PASSWORD } from '../data/people.ts';
import type { ServerProcess } from './server-process.ts';

/** Signs one of the made-up people in. @returns an access token */
export async function tokenOf({ port }: Pick<ServerProcess, 'port'>, { username }: Pick<Person, 'username'>): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password: PASSWORD }),
  });
  if (!response.ok) throw new Error(`${username} could not sign in: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { access_token: string }).access_token;
}
