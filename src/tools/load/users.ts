import { randomUUID } from 'node:crypto';
import type { ApiClient, Reply } from './client.ts';
import { howToLift } from './limits.ts';

/** An account that the load works as, and the tasks it has made so far. */
export interface LoadUser {
  token: string;
  tasks: { id: string; status: string }[];
}

const AT_A_TIME = 4;
const TRY_AGAIN = 20;

/** Registers so many people. @throws Error that says what the service is to be told, where it does not let them in */
export async function registerUsers(
  api: ApiClient,
  count: number,
  signal: AbortSignal,
  onRegistered: (done: number) => void,
): Promise<LoadUser[]> {
  const users: LoadUser[] = [];
  let begun = 0;
  const registerOn = async () => {
    while (begun < count) {
      const nth = begun++;
      users.push(await registerOne(api, nth, signal));
      onRegistered(users.length);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, registerOn));
  return users;
}

async function registerOne(api: ApiClient, nth: number, signal: AbortSignal): Promise<LoadUser> {
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    const name = `load-${randomUUID().slice(0, 8)}-${nth}`;
    const body = { email: `${name}@load.example`, username: name, password: `Passw0rd-${randomUUID()}` };
    const reply = await api.ask('POST', '/auth/register', null, body);
    if (reply.status === 201) return { token: reply.body.access_token, tasks: [] };
    // Passwords are hashed a few at a time, and the rest is sent away for a moment.
    if (reply.status !== 503 || tries === TRY_AGAIN) throw new Error(whyNot(reply));
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

function whyNot({ status, body }: Reply): string {
  if (status === 429) return `The service limits how many people register from one address: ${howToLift}`;
  if (body?.error?.code === 'REGISTRATION_CLOSED') return 'The service lets nobody register: start it for the load with REGISTRATION=open';
  return `Nobody can be registered: ${status} ${body?.error?.code ?? ''}`;
}
