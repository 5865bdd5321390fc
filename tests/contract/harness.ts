import type { NetConnectOpts } from 'node:net';
import type { EventStore } from '../../src/events/store/event-store.ts';

/** How another process opens the store: it imports the module and calls its `openStore` with the argument. */
export interface Opener {
  module: string;
  argument: string;
}

/** What a store gives the contract suite to be tested by. Everything it opens is its own to close. */
export interface Harness {
  /** An instance on the suite's log, which may hold other events already. Each call opens a further one, as another process would. */
  open(): Promise<EventStore>;
  readonly opener: Opener;
  /** A server of its own, with an empty log, that can be killed. */
  startServer(): Promise<ServerHarness>;
  /** An instance on a log whose first event gets this position; left out where a store cannot be made to begin so far up. */
  openAt?(firstPosition: bigint): Promise<EventStore>;
  close(): Promise<void>;
}

export interface ServerHarness {
  /** Where the server listens. */
  readonly address: NetConnectOpts;
  /** An instance on its log, that reaches it by way of another host and port when they are given. It gives up within seconds. */
  open(via?: { host: string; port: number }): Promise<EventStore>;
  /** SIGKILL to the server, all of it or one of its processes. It comes back by itself; this does not wait for it. */
  kill(what: 'server' | 'part of it'): Promise<void>;
  close(): Promise<void>;
}
