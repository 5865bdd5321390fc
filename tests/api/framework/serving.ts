import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import type { Caller } from '../../../src/accounts/caller.ts';
import { requestMetrics } from '../../../src/api/request-metrics.ts';
import type { Route } from '../../../src/api/route.ts';
import { type ApiServerParts, createApiServer } from '../../../src/api/server.ts';
import type { Authenticate } from '../../../src/api/who-asks.ts';
import { createLog } from '../../../src/platform/logging.ts';
import { createMetrics } from '../../../src/platform/metrics.ts';
import { Rejection } from '../../../src/rejection.ts';

/** A server of these routes, on a free port unless one is given, with its log kept for reading. */
export async function serving(routes: readonly Route[], parts: Partial<ApiServerParts> = {}, wantedPort = 0) {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json' }, { write: (line) => lines.push(line) });
  const counted = requestMetrics(createMetrics());
  const api = createApiServer({
    routes,
    authenticate,
    logger: log.named('http'),
    requestMetrics: counted,
    corsOrigins: [],
    trustProxy: false,
    ...parts,
  });
  const { port } = await api.listen(wantedPort, '127.0.0.1');
  return {
    port,
    api,
    requestMetrics: counted,
    lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    logText: () => lines.join(''),
    ask: (method: string, path: string, init: Asking = {}) => ask(port, method, path, init),
    stop: () => api.drain(0),
  };
}
export type Serving = Awaited<ReturnType<typeof serving>>;

export const somebody: Caller = {
  id: '01900000-0000-7000-8000-000000000001',
  username: 'somebody',
  fullName: 'Somebody',
  isAdmin: false,
  timezone: 'UTC',
  sessionId: '01900000-0000-7000-8000-000000000002',
};

/** `Bearer user` and `Bearer admin` are let in. */
export const authenticate: Authenticate = async (authorization) => {
  if (authorization === 'Bearer user') return somebody;
  if (authorization === 'Bearer admin') return { ...somebody, isAdmin: true };
  if (authorization === undefined) throw new Rejection('NOT_AUTHENTICATED', 'Sign in first');
  throw new Rejection('TOKEN_INVALID', 'The token is not valid');
};

interface Asking {
  headers?: Record<string, string>;
  /** Sent as it is when it is text or bytes, as JSON otherwise. */
  body?: unknown;
}

export interface Asked {
  status: number;
  headers: IncomingHttpHeaders;
  bytes: Buffer;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what an answer holds is what the tests find out
  json: any;
}

/** Asks as given: no path is tidied and no header added, but for the type of a JSON body. */
export function ask(port: number, method: string, path: string, { headers = {}, body }: Asking = {}): Promise<Asked> {
  const raw = typeof body === 'string' || body instanceof Uint8Array;
  const payload = body === undefined || raw ? (body as string | Uint8Array | undefined) : JSON.stringify(body);
  const typed = body === undefined || raw ? headers : { 'Content-Type': 'application/json', ...headers };
  const sized = payload === undefined ? typed : { 'Content-Length': String(Buffer.byteLength(payload)), ...typed };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path, headers: sized, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString();
        const isJson = response.headers['content-type']?.includes('json') && !response.headers['content-encoding'] && text !== '';
        resolve({ status: response.statusCode!, headers: response.headers, bytes, text, json: isJson ? JSON.parse(text) : undefined });
      });
    });
    request.on('error', reject);
    request.end(payload);
  });
}

/** Sends bytes over a connection of its own, and takes everything until the other side closes it. */
export function exchange(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let received = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      received += chunk;
    });
    socket.on('close', () => resolve(received));
    socket.on('error', reject);
  });
}

/** The envelope in a raw answer. */
export function envelopeIn(answer: string) {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)).error;
}

/** Waits until something is so, for two seconds at most. */
export async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 2000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error('It did not come to be so');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
