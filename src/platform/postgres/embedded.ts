import { rmdir } from 'node:fs/promises';
import { locateBinaries } from './binaries.ts';
import { openDataDirectory } from './data-directory.ts';
import { endLeftovers } from './leftovers.ts';
import { type Access, asSuperuser, connectionStringTo, DATABASE, provision } from './provision.ts';
import { type ServerExit, startServer } from './server-process.ts';
import { type Supervised, supervise } from './supervisor.ts';

export type EmbeddedPostgresOptions = {
  /** Where the data live; made when missing. One running service each. */
  readonly directory: string;
  readonly log: (line: string) => void;
  /** Server settings beside or instead of ours, by PostgreSQL's names; port, socket and cluster_name are fixed. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Gives the start up (a recovery may take minutes); of no effect once the server runs. */
  readonly signal?: AbortSignal;
};

export type EmbeddedPostgres = {
  /** Of the service's role on the service's database; the same for as long as this object lives, across restarts of the server. */
  readonly connectionString: string;
  /** Runs statements on the service's database as the server's superuser. */
  administer(statements: string): Promise<void>;
  /** Of the server that runs now; another one after it was restarted. */
  readonly pid: number;
  /** Fulfilled when the server that runs now has ended. It is started again by itself, unless it was stopped. */
  readonly exited: Promise<ServerExit>;
  /** Stops the server and frees the directory; within ten seconds, whatever the server does. May be called again. */
  stop(): Promise<void>;
};

/**
 * Starts a PostgreSQL server of this process's own and keeps it running: when it dies it is started again, with the same address.
 * Throws DirectoryInUse when another instance works on the directory, and otherwise an Error that says what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { directory, log, settings = {}, signal: givenUp } = options;
  const { postgres, initdb } = await locateBinaries();
  // Without fsync the owner has said that nothing here need survive; then the new cluster need not be flushed either.
  const data = await openDataDirectory(directory, { postgres, initdb }, settings.fsync !== 'off');
  const release = async () => {
    await rmdir(data.socketDirectory).catch(() => {});
    await data.lock.release();
  };
  const start = async (signal: AbortSignal) => {
    await endLeftovers(data.cluster, data.socketDirectory, log);
    signal.throwIfAborted();
    return startServer({ ...data, postgres, settings, log }, signal);
  };
  try {
    const server = await supervise(start, log, givenUp);
    await provision(data).catch(async (error) => {
      await server.stop();
      throw error;
    });
    return running(server, data, release);
  } catch (error) {
    await release();
    throw error;
  }
}

function running(server: Supervised, access: Access, release: () => Promise<void>): EmbeddedPostgres {
  let stopped: Promise<void> | undefined;
  return {
    connectionString: connectionStringTo(access, DATABASE, DATABASE),
    administer: (statements) => asSuperuser(access, DATABASE, async (client) => void (await client.query(statements))),
    get pid() {
      return server.current.pid;
    },
    get exited() {
      return server.current.exited;
    },
    stop() {
      stopped ??= server.stop().then(release);
      return stopped;
    },
  };
}
