import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Rejection } from '../rejection.ts';
import type { ApiRequest } from './api-request.ts';
import { errorAnswer } from './error-answer.ts';
import type { Lingering } from './lingering.ts';

/** What Node says of bytes that are no request, or not in time. */
export interface ConnectionError extends Error {
  code?: string;
  reason?: string;
  rawPacket?: Buffer;
}

export interface ConnectionAnswer {
  status: number;
  requestId: string;
  /** Made for this answer: no request that the log will tell of has it. */
  isOwn: boolean;
}

/**
 * Answers bytes that never became a whole request, in the envelope of all errors, and closes the connection.
 * @param latest the last request of the connection, if there was one
 * @returns undefined when nobody is there to be answered, or half of another answer is
 */
export function answerConnectionError(
  error: ConnectionError,
  socket: Socket,
  latest: ApiRequest | undefined,
  headers: readonly string[],
  lingering: Lingering,
): ConnectionAnswer | undefined {
  const unanswered = latest && !latest.response.writableEnded ? latest : undefined;
  if (!socket.writable || error.code === 'ECONNRESET' || unanswered?.response.headersSent) {
    socket.destroy();
    return undefined;
  }
  if (unanswered?.http.complete) {
    // What is wrong came behind a request that is not: its answer is the last of the connection.
    unanswered.response.shouldKeepAlive = false;
    return undefined;
  }
  const requestId = unanswered?.requestId ?? randomUUID();
  const { status, body } = errorAnswer(rejectionOf(error), requestId);
  if (unanswered) unanswered.cutOffWith = status;
  socket.write(rawAnswer(status, [...headers, 'X-Request-ID', requestId], JSON.stringify(body)));
  // What did not arrive in time will not soon: only of other requests the rest is waited for.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') socket.destroySoon();
  else lingering.close(socket);
  return { status, requestId, isOwn: !unanswered };
}

function rejectionOf({ code, reason, rawPacket }: ConnectionError): Rejection {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new Rejection('REQUEST_TIMEOUT', 'The request did not arrive in time');
  // The same code stands for a request with both a length and a coding, which is malformed.
  if (code === 'HPE_INVALID_TRANSFER_ENCODING' && reason?.startsWith('Request has invalid'))
    return new Rejection('TRANSFER_CODING_UNKNOWN', 'The only transfer coding that is read is chunked');
  if (code !== 'HPE_HEADER_OVERFLOW') return new Rejection('MALFORMED_REQUEST', 'This is not an HTTP request');
  const firstLine = rawPacket?.indexOf('\r\n') ?? -1;
  if (firstLine < 0 || firstLine > 8192) return new Rejection('URI_TOO_LONG', 'The target is too long');
  return new Rejection('MALFORMED_REQUEST', 'The headers are larger than can be taken');
}

function rawAnswer(status: number, headers: readonly string[], body: string): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, `Date: ${new Date().toUTCString()}`, 'Connection: close'];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  lines.push('Content-Type: application/json; charset=utf-8', `Content-Length: ${Buffer.byteLength(body)}`);
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}
