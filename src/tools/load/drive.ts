import type { ApiClient } from './client.ts';
import { nextKind } from './mix.ts';
import type { Tally } from './tally.ts';
import type { LoadUser } from './users.ts';

/**
 * Lets everybody ask, each one thing after the other without a pause, until the time is over; then waits for the answers under way.
 * @returns the seconds that it took
 */
export async function drive(
  api: ApiClient,
  users: readonly LoadUser[],
  tally: Tally,
  milliseconds: number,
  signal: AbortSignal,
): Promise<number> {
  const since = performance.now();
  const isOver = () => signal.aborted || performance.now() - since >= milliseconds;
  await Promise.all(
    users.map(async (user) => {
      while (!isOver()) await askOnce(api, user, tally);
    }),
  );
  return (performance.now() - since) / 1000;
}

async function askOnce(api: ApiClient, user: LoadUser, tally: Tally): Promise<void> {
  const kind = nextKind(user);
  const { method, path, body } = kind.request(user);
  const since = performance.now();
  try {
    const reply = await api.ask(method, path, user.token, body);
    const error = reply.status < 300 ? undefined : `${reply.status} ${reply.body?.error?.code ?? ''}`.trim();
    tally.record(kind.name, performance.now() - since, error);
    if (error === undefined) kind.learn?.(user, reply);
  } catch (error) {
    tally.record(kind.name, performance.now() - since, (error as NodeJS.ErrnoException).code ?? String(error));
    // A service that is gone is not asked ten thousand times a second.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
