import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type NetConnectOpts, type Socket } from 'node:net';
import { Transform } from 'node:stream';

export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** How many connections pass through it now. */
  readonly connections: number;
  /** From now on nothing gets through on the connections there are: in neither direction, or no answers only. New ones are not touched. */
  freeze(what?: 'all' | 'answers'): void;
  /** From now on every piece takes so many milliseconds on its way, on all connections; 0 for none. */
  delay(ms: number): void;
  /** Ends the connections there are, abruptly. */
  cut(): void;
  /** New connections are reset until `accept`. */
  refuse(): void;
  accept(): void;
  close(): Promise<void>;
}

interface Pair {
  client: Socket;
  server: Socket;
}

/** A proxy on a free port of 127.0.0.1, in front of a server by TCP or unix socket, by which a test is the network and its faults. */
export async function startTcpProxy(target: NetConnectOpts): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let refusing = false;
  const way: Way = { takes: 0 };
  const listener = createServer((client) => {
    client.on('error', () => {});
    if (refusing) return client.resetAndDestroy();
    connect(client, target, pairs, way);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const cut = () => {
    for (const { client, server } of pairs) {
      // Not reset: a socket of Node's that is destroyed while it is being reset stays open for ever.
      client.destroy();
      server.destroy();
    }
  };
  return {
    host: '127.0.0.1',
    port: (listener.address() as AddressInfo).port,
    get connections() {
      return pairs.size;
    },
    freeze(what = 'all') {
      for (const { client, server } of pairs) {
        freeze(server);
        if (what === 'all') freeze(client);
      }
    },
    delay(ms) {
      way.takes = ms;
    },
    cut,
    refuse() {
      refusing = true;
    },
    accept() {
      refusing = false;
    },
    async close() {
      cut();
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** How long a piece is on its way, in milliseconds. */
interface Way {
  takes: number;
}

function connect(client: Socket, target: NetConnectOpts, pairs: Set<Pair>, way: Way): void {
  const server = createConnection(target);
  server.on('error', () => {});
  const pair = { client, server };
  pairs.add(pair);
  client.pipe(slowed(way)).pipe(server);
  server.pipe(slowed(way)).pipe(client);
  client.once('close', () => {
    pairs.delete(pair);
    server.destroy();
  });
  server.once('close', () => client.destroy());
}

function slowed(way: Way): Transform {
  return new Transform({
    transform(piece, _, pass) {
      if (way.takes === 0) pass(null, piece);
      else setTimeout(pass, way.takes, null, piece);
    },
  });
}

/** What comes from one side is neither passed on nor read any more. */
function freeze(from: Socket): void {
  from.unpipe();
  from.pause();
}
