import { createServer, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express from 'express';
import type { Logger } from '../platform/logging.ts';
import { ApiRequest } from './api-request.ts';
import { commonHeaders } from './common-headers.ts';
import { answerConnectionError, type ConnectionError } from './connection-errors.ts';
import { cors as crossOrigin } from './cors.ts';
import { requestHandling, type Served } from './handle-request.ts';
import type { RequestMetrics } from './request-metrics.ts';
import { requestServing } from './serve-request.ts';

export interface ApiServerParts extends Served {
  logger: Logger;
  requestMetrics: RequestMetrics;
  /** As `https://tasks.example`; `*` for any. */
  corsOrigins: readonly string[];
  /** Which proxies' word on the client's address is taken: Express's setting `trust proxy`. */
  trustProxy: boolean | number | readonly string[];
  timeouts?: Partial<Timeouts>;
}

/** In milliseconds. */
export interface Timeouts {
  /** For a whole request to arrive. */
  request: number;
  headers: number;
  /** Of a connection between two requests: above the 60 s of usual load balancers, so that it is they who close. */
  keepAlive: number;
  /** How often requests are held against the first two. */
  check: number;
}

const usualTimeouts: Timeouts = { request: 60_000, headers: 20_000, keepAlive: 65_000, check: 5_000 };

export interface ApiServer {
  /** Port 0 takes a free one. Rejects when the port cannot be had. */
  listen(port: number, host: string): Promise<AddressInfo>;
  isDraining(): boolean;
  /** From now on serves these instead. */
  serve(served: Served): void;
  /**
   * Takes no more work: what is under way is finished, what still comes is answered with 503, then everything is closed.
   * @returns whether all of it was finished within so many milliseconds; what was not is cut off
   */
  drain(milliseconds: number): Promise<boolean>;
}

/** The routes, served over HTTP. */
export function createApiServer({ corsOrigins, trustProxy, ...parts }: ApiServerParts): ApiServer {
  const cors = crossOrigin(corsOrigins);
  let draining = false;
  let underWay = 0;
  const isDraining = () => draining;
  let handle = requestHandling({ ...parts, cors, isDraining });
  const answer = requestServing({ ...parts, handle: (request) => handle(request), cors, isDraining });
  const latest = new WeakMap<Socket, ApiRequest>();

  // Express carries one layer: the route table decides everything else.
  const app = express();
  app.set('env', 'production').disable('x-powered-by').disable('etag').set('query parser', false).set('trust proxy', trustProxy);
  app.use(async (http, response) => {
    const request = new ApiRequest(http, response);
    latest.set(http.socket, request);
    underWay++;
    try {
      await answer(request);
    } finally {
      underWay--;
    }
  });

  const server = createServer(serverOptions({ ...usualTimeouts, ...parts.timeouts }), app);
  answerConnectionErrors(server, parts, latest, commonHeaders(cors.varies));
  return {
    listen: (port, host) => listening(server, port, host),
    isDraining,
    serve(served) {
      handle = requestHandling({ ...served, cors, isDraining });
    },
    drain(milliseconds) {
      draining = true;
      return drained(server, () => underWay === 0, milliseconds);
    },
  };
}

function serverOptions(timeouts: Timeouts): ServerOptions {
  return {
    requestTimeout: timeouts.request,
    headersTimeout: timeouts.headers,
    keepAliveTimeout: timeouts.keepAlive,
    connectionsCheckingInterval: timeouts.check,
    maxHeaderSize: 32 * 1024,
    // Refused in the envelope instead.
    requireHostHeader: false,
  };
}

function answerConnectionErrors(
  server: Server,
  { logger, requestMetrics }: Pick<ApiServerParts, 'logger' | 'requestMetrics'>,
  latest: WeakMap<Socket, ApiRequest>,
  headers: readonly string[],
): void {
  server.on('clientError', (error: ConnectionError, stream) => {
    const socket = stream as Socket;
    const answered = answerConnectionError(error, socket, latest.get(socket), headers);
    if (!answered?.isOwn) return;
    requestMetrics.observe('unmatched', 'unknown', answered.status, 0);
    logger.info({ request_id: answered.requestId, status_code: answered.status, code: error.code }, 'connection refused');
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
