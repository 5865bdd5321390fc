import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';

/** Starts the keeper of the run's PostgreSQL server (postgres-keeper.ts), and tells the tests where to ask it. */
export default async function globalSetup(): Promise<void> {
  // Detached, so that Ctrl-C reaches jest alone and the keeper tidies up afterwards.
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'postgres-keeper.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const gone = once(keeper, 'exit').then(() => {
    throw new Error('The keeper of the test database did not start.');
  });
  gone.catch(() => {});
  const [path] = await Promise.race([once(keeper.stdout, 'data'), gone]);
  process.env.TEST_POSTGRES_KEEPER = String(path);
  // What the service's processes are compiled to is kept from one to the next, and goes with the keeper.
  process.env.NODE_COMPILE_CACHE = join(dirname(String(path)), 'compiled');
  Object.assign(globalThis, { postgresKeeper: keeper });
}
