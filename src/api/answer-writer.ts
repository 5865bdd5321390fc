import { pipeline } from 'node:stream/promises';
import compression from 'compression';
import type { Standing } from '../platform/rate-limits/sliding-windows.ts';
import type { ApiRequest } from './api-request.ts';
import { commonHeaders } from './common-headers.ts';
import type { Cors } from './cors.ts';
import { isComing, type Lingering } from './lingering.ts';
import { type Answer, type Content, JsonText, type Streamed } from './route.ts';

/** In bytes: below, compressing costs more than it saves. */
const worthCompressing = 1024;
const compressible = /^(?:application\/(?:json|javascript|x-ndjson)|text\/(?!event-stream))/;
const jsonType = 'application/json; charset=utf-8';

type Write = (request: ApiRequest, answer: Answer, closing: boolean) => void | Promise<void>;

/**
 * Writes answers with the headers that all of them carry. `closing`: the connection takes no further request.
 * Resolves when a stream is written to its end, and rejects when its first piece cannot be had: then nothing was sent yet.
 */
export function answerWriter(cors: Cors, lingering: Lingering): Write {
  const common = commonHeaders(cors.varies);
  const varyAt = common.indexOf('Vary') + 1;
  const places = new Map(common.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), index + 1]] : [])));
  const compress = compression({ threshold: worthCompressing, filter: () => true });

  function headersOf(request: ApiRequest, answer: Answer, closing: boolean): string[] {
    const headers = common.slice();
    headers.push('X-Request-ID', request.requestId);
    if (request.isCommand) headers.push('Tasktrail-Operation', request.operationId);
    if (request.limit) pushLimit(headers, request.limit);
    for (const part of cors.headersFor(request)) headers.push(part);
    if (closing) headers.push('Connection', 'close');
    for (const name in answer.headers) {
      const place = places.get(name.toLowerCase());
      if (place === undefined) headers.push(name, answer.headers[name]!);
      else headers[place] = answer.headers[name]!;
    }
    return headers;
  }

  function send(request: ApiRequest, status: number, headers: string[], body: Content, length: number): void {
    const { http, response } = request;
    const { contentType: type, asItIs } = body;
    headers.push('Content-Type', type, 'Content-Length', String(length));
    const isEarly = isComing(http);
    if ((asItIs || length >= worthCompressing) && compressible.test(type)) {
      headers[varyAt] += ', Accept-Encoding';
      const isCompressed = !asItIs && http.headers['accept-encoding'] !== undefined && http.method !== 'HEAD' && !isEarly;
      if (isCompressed) compress(http, response, nothing);
    }
    const content = http.method === 'HEAD' ? undefined : body.content;
    if (isEarly) sendEarly(request, status, headers, content);
    else response.writeHead(status, headers).end(content);
  }

  /** Sends an answer before the request has arrived as a whole. Then the connection lingers, or takes no further request. */
  function sendEarly({ http, response }: ApiRequest, status: number, headers: string[], content?: string | Uint8Array): void {
    const linger = lingering.take(http, response);
    if (!linger) {
      if (!headers.includes('Connection')) headers.push('Connection', 'close');
      response.writeHead(status, headers).end(content);
      return;
    }
    response.writeHead(status, headers);
    if (content === undefined) response.flushHeaders();
    else response.write(content);
    linger();
  }

  async function sendStream(
    request: ApiRequest,
    status: number,
    headers: string[],
    { contentType, chunks, asItIs, cut }: Streamed,
  ): Promise<void> {
    const { http, response } = request;
    headers.push('Content-Type', contentType);
    if (http.method === 'HEAD') {
      response.writeHead(status, headers).end();
      return;
    }
    const pieces = chunks[Symbol.asyncIterator]();
    const first = await pieces.next();
    if (!asItIs && compressible.test(contentType)) {
      headers[varyAt] += ', Accept-Encoding';
      if (http.headers['accept-encoding'] !== undefined) compress(http, response, nothing);
    }
    response.writeHead(status, headers);
    await pipeline(joined(first, pieces), response, { ...(cut && { signal: cut }) });
  }

  return (request, answer, closing) => {
    const headers = headersOf(request, answer, closing);
    if (answer.stream) return sendStream(request, answer.status, headers, answer.stream);
    if (answer.content) return send(request, answer.status, headers, answer.content, Buffer.byteLength(answer.content.content));
    if (answer.body !== undefined) {
      const json = answer.body instanceof JsonText ? answer.body : new JsonText(JSON.stringify(answer.body));
      return send(request, answer.status, headers, { contentType: jsonType, content: json.text }, json.byteLength);
    }
    if (answer.status !== 204 && answer.status !== 304) headers.push('Content-Length', '0');
    if (isComing(request.http)) sendEarly(request, answer.status, headers);
    else request.response.writeHead(answer.status, headers).end();
  };
}

function pushLimit(headers: string[], { limit, remaining, resetAt }: Standing): void {
  headers.push('X-RateLimit-Limit', String(limit), 'X-RateLimit-Remaining', String(remaining));
  headers.push('X-RateLimit-Reset', String(Math.ceil(resetAt / 1000)));
}

async function* joined<T>(first: IteratorResult<T>, rest: AsyncIterator<T>): AsyncGenerator<T> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

function nothing(): void {}
