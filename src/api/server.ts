import { createServer, type Server, type ServerOptions, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import type { Logger } from '../platform/logging.ts';
import type { Tracing } from '../platform/tracing.ts';
import { ApiRequest } from './api-request.ts';
import { commonHeaders } from './common-headers.ts';
import { answerConnectionError, type ConnectionError } from './connection-errors.ts';
import { cors as crossOrigin } from './cors.ts';
import { requestHandling, type Served } from './handle-request.ts';
import { createLingering, type Lingering } from './lingering.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { requestServing } from './serve-request.ts';
import { type SlowBodies, watchSlowBodies } from './slow-bodies.ts';
import { traced } from './traced-requests.ts';

export interface ApiServerParts extends Served {
  logger: Logger;
  requestMetrics: RequestMetrics;
  /** As `https://tasks.example`; `*` for any. */
  corsOrigins: readonly string[];
  /**
   * Whose word on the client's address is taken: that of so many proxies in a row, or of proxies with these addresses. True is one
   * proxy: the leftmost of the forwarded addresses, which Express would take, is what the client itself says.
   */
  trustProxy: boolean | number | readonly string[];
  timeouts?: Partial<Timeouts>;
  /** How many connections are held at once: what comes beyond is closed unheard. */
  connections?: number;
  tracing?: Tracing | undefined;
}

/** In milliseconds. */
export interface Timeouts {
  /** For a whole request to arrive; more for an upload that comes along. */
  request: number;
  headers: number;
  /** Of a connection between two requests: above the 60 s of usual load balancers, so that it is they who close. */
  keepAlive: number;
  /** How often requests are held against the first two. */
  check: number;
  /** That a client may read nothing of what waits for it, before it is disconnected. */
  stall: number;
}

/** Far above what one instance can serve, and far below what its memory takes. */
const usualConnections = 10_000;

const usualTimeouts: Timeouts = { request: 60_000, headers: 20_000, keepAlive: 65_000, check: 5_000, stall: 30_000 };

export interface ApiServer {
  /** Port 0 takes a free one. Rejects when the port cannot be had. */
  listen(port: number, host: string): Promise<AddressInfo>;
  isDraining(): boolean;
  /** From now on serves these instead. */
  serve(others: Served): void;
  /**
   * Takes no more work: what is under way is finished, what still comes is answered with 503, then everything is closed.
   * @returns whether all of it was finished within so many milliseconds; what was not is cut off
   */
  drain(milliseconds: number): Promise<boolean>;
}

/** The routes, served over HTTP. */
export function createApiServer({ corsOrigins, trustProxy, ...parts }: ApiServerParts): ApiServer {
  const cors = crossOrigin(corsOrigins);
  const lingering = createLingering();
  let draining = false;
  let underWay = 0;
  const isDraining = () => draining;
  let served: Served = parts;
  let handle = requestHandling({ ...parts, cors, isDraining });
  const serving = requestServing({
    ...parts,
    handle: (request) => handle(request),
    cors,
    lingering,
    isDraining,
    onRefused: (request, code) => served.onRefused?.(request, code),
  });
  const answer = traced(parts.tracing, serving);
  const latest = new WeakMap<Socket, ApiRequest>();

  // Express carries one layer: the route table decides everything else.
  const app = express();
  app
    .set('env', 'production')
    .disable('x-powered-by')
    .disable('etag')
    .set('query parser', false)
    .set('trust proxy', trustProxy === true ? 1 : trustProxy);
  app.use(async (http, response) => {
    const request = new ApiRequest(http, response);
    latest.set(http.socket, request);
    slowBodies.began(request);
    underWay++;
    try {
      await answer(request);
    } finally {
      slowBodies.ended(request);
      underWay--;
    }
  });

  const timeouts = { ...usualTimeouts, ...parts.timeouts };
  const server = createServer(serverOptions(timeouts), app);
  const slowBodies = givingUpSlowBodies(server, timeouts);
  disconnectStalledClients(server, timeouts.stall, (socket) => connectionState(latest.get(socket)));
  server.maxConnections = parts.connections ?? usualConnections;
  answerConnectionErrors(server, { ...parts, lingering }, latest, commonHeaders(cors.varies));
  return {
    listen: (port, host) => listening(server, port, host),
    isDraining,
    serve(others) {
      served = others;
      handle = requestHandling({ ...others, cors, isDraining });
    },
    drain(milliseconds) {
      draining = true;
      return drained(server, () => underWay === 0, milliseconds).finally(slowBodies.close);
    },
  };
}

function serverOptions(timeouts: Timeouts): ServerOptions {
  return {
    // Bodies are watched over by ourselves: an upload is given more time.
    requestTimeout: 0,
    headersTimeout: timeouts.headers,
    keepAliveTimeout: timeouts.keepAlive,
    connectionsCheckingInterval: timeouts.check,
    maxHeaderSize: 32 * 1024,
    // Refused in the envelope instead.
    requireHostHeader: false,
  };
}

function givingUpSlowBodies(server: Server, { request: within, check }: Timeouts): SlowBodies {
  const onSlow = ({ http }: ApiRequest) =>
    server.emit('clientError', Object.assign(new Error('the body is too slow'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), http.socket);
  return watchSlowBodies({ within, check, onSlow });
}

/** Looks at a connection within the time that a client may take nothing. */
const STALL_ROUNDS = 3;

/**
 * Ends every connection whose client takes nothing of what waits for it. The timer is the socket's own and starts again whenever the
 * kernel takes a piece, so it covers each answer alike: lists, exports, streams, downloads and pages. Node counts its first round after a
 * write as progress, so the time is cut into rounds: a stalled client is gone after one more of them at the most. While an answer is being
 * made the client waits for us, and is left alone. Between two requests the same timer runs for `keepAlive`.
 */
function disconnectStalledClients(server: Server, milliseconds: number, stateOf: (socket: Socket) => ConnectionState): void {
  const roundMs = milliseconds / STALL_ROUNDS;
  const silent = new WeakMap<Socket, { rounds: number; at: number }>();
  server.setTimeout(roundMs, (socket) => {
    const state = stateOf(socket);
    const now = performance.now();
    const before = silent.get(socket);
    const rounds = before && now - before.at < 1.5 * roundMs ? before.rounds + 1 : 1;
    silent.set(socket, { rounds, at: now });
    if (state !== 'answered' && rounds < STALL_ROUNDS) {
      socket.setTimeout(roundMs);
      return;
    }
    const isStalled = socket.writableLength > 0;
    if (isStalled || state !== 'answering') socket.destroy();
    else socket.setTimeout(roundMs);
  });
}

/** `fresh` before its first request, `answering` while one is under way, `answered` between two. */
type ConnectionState = 'fresh' | 'answering' | 'answered';

function connectionState(request: ApiRequest | undefined): ConnectionState {
  if (request === undefined) return 'fresh';
  return request.response.writableFinished ? 'answered' : 'answering';
}

function answerConnectionErrors(
  server: Server,
  { logger, requestMetrics, lingering }: Pick<ApiServerParts, 'logger' | 'requestMetrics'> & { lingering: Lingering },
  latest: WeakMap<Socket, ApiRequest>,
  headers: readonly string[],
): void {
  server.on('clientError', (error: ConnectionError, stream) => {
    const socket = stream as Socket;
    const answered = answerConnectionError(error, socket, latest.get(socket), headers, lingering);
    if (!answered?.isOwn) return;
    requestMetrics.observe('unmatched', 'unknown', answered.status, 0);
    const { requestId, status } = answered;
    const facts = { request_id: requestId, method: null, path: 'unmatched', status_code: status, duration_ms: 0, user_id: null };
    logger.info({ ...facts, code: error.code }, 'connection refused');
  });
  // No tunnel is opened here: without a listener, Node would close the connection without an answer.
  server.on('connect', (request, socket) => {
    // Its target is a host and a port, which is no path here.
    if (!request.url?.startsWith('/')) request.url = `/${request.url}`;
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as Socket);
    response.once('finish', () => socket.end());
    server.emit('request', request, response);
  });
  // An expectation that nobody can meet is no reason to leave the envelope: the request is answered as if it had none.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

function listening(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo);
    });
  });
}

async function drained(server: Server, isIdle: () => boolean, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  server.closeIdleConnections();
  while (!isIdle() && performance.now() < deadline) await sleep(10);
  const finished = isIdle();
  let closed = false;
  server.close(() => {
    closed = true;
  });
  while (!closed && performance.now() < deadline) {
    server.closeIdleConnections();
    await sleep(10);
  }
  server.closeAllConnections();
  return finished;
}
