import { isNativeError } from 'node:util/types';
import type { Logger } from '../platform/logging.ts';
import { RequestAborted } from '../platform/places.ts';
import type { RejectionCode } from '../rejection.ts';
import { answerWriter } from './answer-writer.ts';
import type { ApiRequest } from './api-request.ts';
import { ClientGone } from './body.ts';
import type { Cors } from './cors.ts';
import { errorAnswer, isFault } from './error-answer.ts';
import type { Lingering } from './lingering.ts';
import type { RequestMetrics } from './request-metrics.ts';
import type { Answer } from './route.ts';

export interface ServingParts {
  handle(request: ApiRequest): Promise<Answer>;
  cors: Cors;
  lingering: Lingering;
  logger: Logger;
  requestMetrics: RequestMetrics;
  isDraining(): boolean;
  /** Told of every request that its caller was not to make. */
  onRefused(request: ApiRequest, code: RejectionCode): void;
}

/** The status in the log of a request whose client left before it was answered, as nginx has it. */
const clientClosedRequest = 499;

/** Answers a request, whatever becomes of it, then writes its line of log and counts it. Never rejects. @returns the status */
export function requestServing({
  handle,
  cors,
  lingering,
  logger,
  requestMetrics,
  isDraining,
  onRefused,
}: ServingParts): (request: ApiRequest) => Promise<number> {
  const write = answerWriter(cors, lingering);

  /** @returns the status that was answered */
  async function answer(request: ApiRequest): Promise<number> {
    try {
      const given = await handle(request);
      if (request.response.destroyed) return request.cutOffWith ?? clientClosedRequest;
      await write(request, given, isDraining());
      return given.status;
    } catch (error) {
      return refuse(request, error);
    }
  }

  async function refuse(request: ApiRequest, error: unknown): Promise<number> {
    const { response, requestId } = request;
    if (isClientGone(error, request)) return request.cutOffWith ?? clientClosedRequest;
    if (isFault(error)) logger.error({ request_id: requestId, error }, 'unexpected error');
    if (response.headersSent) {
      response.destroy();
      return response.statusCode;
    }
    const refusal = errorAnswer(error, requestId);
    if (refusal.status === 401 || refusal.status === 403) onRefused(request, refusal.body.error.code);
    await write(request, refusal, isDraining());
    return refusal.status;
  }

  function record({ endpoint, http, requestId, startedAt, userId }: ApiRequest, status: number): void {
    const milliseconds = performance.now() - startedAt;
    const path = endpoint?.pattern ?? 'unmatched';
    requestMetrics.observe(path, http.method, status, milliseconds / 1000);
    const duration_ms = Math.round(milliseconds * 100) / 100;
    const facts = { request_id: requestId, method: http.method, path, status_code: status, duration_ms, user_id: userId };
    if (endpoint?.route.isProbe) logger.debug(facts, 'request');
    else logger.info(facts, 'request');
  }

  return async (request) => {
    const status = await answer(request);
    record(request, status);
    return status;
  };
}

function isClientGone(error: unknown, { http }: ApiRequest): boolean {
  if (error instanceof ClientGone || error instanceof RequestAborted) return true;
  if (!isNativeError(error) || !http.socket.destroyed) return false;
  return error.name === 'AbortError' || ('code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE');
}
