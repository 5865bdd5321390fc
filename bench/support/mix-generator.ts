import { bodyOf, createApiClient, requestText } from '../../src/tools/load/client.ts';
import { openConnection } from '../../src/tools/load/connection.ts';
import { mix, nextKind } from '../../src/tools/load/mix.ts';
import { type LoadUser, registerUsers } from '../../src/tools/load/users.ts';
import { type Percentiles, percentilesOf } from './percentiles.ts';

/** The work of `npm run load`, driven and timed by the suite's own means, in a process of its own. */
export interface MixLoad {
  port: number;
  users: number;
  seconds: number;
}

/** By the kind of request, and `all`; milliseconds. */
export type MixResult = Record<string, Percentiles & { count: number }>;

process.once('message', (load: MixLoad) => {
  run(load).then((result) => process.send!(result, () => process.exit(0)));
});
// Nobody is left to tell.
process.once('disconnect', () => process.exit(1));

async function run({ port, users: count, seconds }: MixLoad): Promise<MixResult> {
  const api = createApiClient(new URL(`http://127.0.0.1:${port}`));
  const users = await registerUsers(api, count, new AbortController().signal, () => {});
  api.close();
  const times: Record<string, number[]> = Object.fromEntries([...mix.map(({ name }) => [name, []]), ['all', []]]);
  const end = performance.now() + seconds * 1000;
  await Promise.all(users.map((user) => drive(port, user, end, times)));
  return Object.fromEntries(Object.entries(times).map(([kind, of]) => [kind, { count: of.length, ...percentilesOf(of) }]));
}

/** One request after the other of one user, over a connection of their own. */
async function drive(port: number, user: LoadUser, end: number, times: Record<string, number[]>): Promise<void> {
  const connection = await openConnection(port);
  while (performance.now() < end) {
    const kind = nextKind(user);
    const { method, path, body } = kind.request(user);
    const since = performance.now();
    const answer = await new Promise<string>((resolve, reject) => {
      connection.onFailure(reject);
      connection.ask(requestText('127.0.0.1', method, path, user.token, body), resolve);
    });
    const milliseconds = performance.now() - since;
    times[kind.name]!.push(milliseconds);
    times.all!.push(milliseconds);
    const status = Number(answer.slice(9, 12));
    if (status >= 300) throw new Error(`${method} ${path}: ${answer}`);
    if (kind.learn) kind.learn(user, { status, body: bodyOf(answer) });
  }
  connection.end();
}
