import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: what it says is looked into freely
  event: any;
  at: number;
}

/** A real receiver of webhooks on this machine, which keeps all that comes. */
export interface Receiver {
  url: string;
  port: number;
  received: Received[];
  /** Says how it answers from now on: 204 at first. May answer later, or never. */
  answer: (request: Received, response: ServerResponse) => void;
  /** Waits until so much has come of what is looked for. @throws when it does not come in time */
  until(count: number, of?: (request: Received) => boolean): Promise<Received[]>;
  stop(): Promise<void>;
}

const WITHIN = 10_000;

export async function startReceiver(host = '127.0.0.1'): Promise<Receiver> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const one = { path: request.url!, headers: request.headers, body, event: parsed(body), at: performance.now() };
      receiver.received.push(one);
      receiver.answer(one, response);
    });
  });
  await new Promise<void>((listening) => server.listen(0, host, listening));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://${host}:${port}`,
    port,
    received: [],
    answer: (_, response) => void response.writeHead(204).end(),
    async until(count, of = () => true) {
      for (const end = performance.now() + WITHIN; ; await pause(5)) {
        const found = receiver.received.filter(of);
        if (found.length >= count) return found;
        if (performance.now() > end) throw new Error(`${found.length} of ${count} came, of ${receiver.received.length} in all`);
      }
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return receiver;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
