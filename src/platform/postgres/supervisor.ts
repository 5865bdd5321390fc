import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerExit, ServerProcess } from './server-process.ts';

export type Supervised = { readonly current: ServerProcess; stop(): Promise<void> };

type Start = (signal: AbortSignal) => Promise<ServerProcess>;

// Milliseconds between tries: doubled from the first to the longest, from the first again once a server has lived for a while.
const FIRST_DELAY = 100;
const LONGEST_DELAY = 5_000;
const LIVED_WELL = 30_000;

/**
 * Starts a server and starts it again whenever it ends by itself, for as long as it takes (a full disk is emptied some day). One log
 * line for each end and each failed try. Throws only when the first start fails, or is given up.
 */
export async function supervise(start: Start, log: (line: string) => void, givenUp?: AbortSignal): Promise<Supervised> {
  const stopping = new AbortController();
  let current = await start(givenUp ? AbortSignal.any([stopping.signal, givenUp]) : stopping.signal);

  async function watch() {
    for (let delay = FIRST_DELAY; ; delay = Math.min(delay * 2, LONGEST_DELAY)) {
      const since = performance.now();
      const exit = await current.exited;
      if (stopping.signal.aborted) return;
      log(`PostgreSQL (pid ${current.pid}) ended unexpectedly (${cause(exit)}); starting it again`);
      if (performance.now() - since > LIVED_WELL) delay = FIRST_DELAY;
      current = await startAgain(delay);
    }
  }

  async function startAgain(firstDelay: number): Promise<ServerProcess> {
    for (let delay = firstDelay; ; delay = Math.min(delay * 2, LONGEST_DELAY)) {
      await sleep(delay, undefined, { signal: stopping.signal });
      try {
        const server = await start(stopping.signal);
        log(`PostgreSQL runs again (pid ${server.pid})`);
        return server;
      } catch (error) {
        stopping.signal.throwIfAborted();
        log(`PostgreSQL could not be started again, next try follows: ${error instanceof Error ? error.message : error}`);
      }
    }
  }

  const watching = watch().catch((error) => {
    if (!stopping.signal.aborted) throw error;
  });
  return {
    get current() {
      return current;
    },
    async stop() {
      stopping.abort();
      await current.stop();
      await watching;
    },
  };
}

function cause({ code, signal }: ServerExit): string {
  return signal ?? `exit code ${code}`;
}
