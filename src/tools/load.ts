import { parseArgs } from 'node:util';
import { runTool, type Tool, UsageError } from './command-line.ts';
import { createApiClient } from './load/client.ts';
import { drive } from './load/drive.ts';
import { localUrl } from './load/local-url.ts';
import { mix } from './load/mix.ts';
import { startOwnService } from './load/own-service.ts';
import { table } from './load/table.ts';
import { createTally, type Tally } from './load/tally.ts';
import { registerUsers } from './load/users.ts';

const usage = 'npm run load -- [--users 100] [--seconds 30] [--url http://127.0.0.1:8000] [--json]';
const SHOW_EVERY_MS = 500;

/**
 * Puts a mixed load of reads and writes on a service over HTTP, and tells how it held: on one of its own, in a temporary directory and
 * without limits, or on one that runs on this machine.
 */
await runTool(usage, async (tool) => {
  const { users: count, seconds, url, json } = asked();
  if (url === undefined) tool.progress.show('starting', 0, 'a service of its own, without limits, in a temporary directory');
  const base = url ?? (await startOwnService(tool));
  const api = createApiClient(base);
  tool.closing.add('connections', async () => api.close());
  const users = await registerUsers(api, count, tool.signal, (done) =>
    tool.progress.show('registering', done / count, `${done} of ${count} users`),
  ).catch((error) => {
    throw error.code === 'ECONNREFUSED' ? new Error(`No service answers at ${base.origin}`) : error;
  });
  const tally = createTally(mix.map(({ name }) => name));
  const stopShowing = showProgress(tool, tally, seconds);
  const took = await drive(api, users, tally, seconds * 1000, tool.signal).finally(stopShowing);
  const report = tally.report({ url: url?.origin ?? null, seconds: took, users: count });
  tool.say(json ? JSON.stringify(report, null, 2) : table(report));
});

function asked(): { users: number; seconds: number; url: URL | undefined; json: boolean } {
  const string = { type: 'string' } as const;
  const { values } = parseArgs({ options: { users: string, seconds: string, url: string, json: { type: 'boolean' } } });
  return {
    users: wholeNumber('--users', values.users ?? '100', 1000),
    seconds: wholeNumber('--seconds', values.seconds ?? '30', 86_400),
    url: values.url === undefined ? undefined : localUrl(values.url),
    json: values.json ?? false,
  };
}

function wholeNumber(name: string, text: string, most: number): number {
  const number = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most) throw new UsageError(`${name} is to be a whole number from 1 to ${most}`);
  return number;
}

function showProgress({ progress }: Tool, tally: Tally, seconds: number): () => void {
  const since = performance.now();
  const timer = setInterval(() => {
    const passed = (performance.now() - since) / 1000;
    const rate = Math.round(tally.count() / passed);
    progress.show('loading', Math.min(1, passed / seconds), `${tally.count()} requests, ${rate} a second, ${tally.errors()} errors`);
  }, SHOW_EVERY_MS);
  return () => clearInterval(timer);
}
