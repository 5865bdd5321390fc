import type { ApiRequest } from './api-request.ts';
import type { Answer } from './route.ts';

const allowedHeaders = [
  'Authorization',
  'Content-Type',
  'If-Match',
  'If-None-Match',
  'Idempotency-Key',
  'Prefer',
  'X-Request-ID',
  'Tasktrail-Position',
  'Last-Event-ID',
  'Range',
];

const exposedHeaders = [
  'X-Request-ID',
  'Tasktrail-Operation',
  'Tasktrail-Revision',
  'Tasktrail-Position',
  'Tasktrail-Stale',
  'Tasktrail-As-Of-Position',
  'Idempotent-Replayed',
  'Preference-Applied',
  'ETag',
  'Location',
  'Link',
  'Allow',
  'WWW-Authenticate',
  'Retry-After',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Content-Disposition',
  'Content-Range',
  'Accept-Ranges',
  'Deprecation',
  'Sunset',
  'Cache-Control',
  'Vary',
];

export interface Cors {
  /** Whether answers differ by origin, so that `Vary` must say so. */
  varies: boolean;
  /** Names and values by turns; empty for an origin that may not read the answer, and without one. */
  headersFor(request: ApiRequest): readonly string[];
  /** The answer to a browser's question whether it may ask; undefined for any other request. */
  preflight(request: ApiRequest): Answer | undefined;
}

/** @param origins as `https://tasks.example`; `*` for any. Without credentials: tokens come in a header. */
export function cors(origins: readonly string[]): Cors {
  const anyOrigin = origins.includes('*');
  const prepared = new Map((anyOrigin ? ['*'] : origins).map((origin) => [origin, headersOf(origin)]));
  const headersFor = (request: ApiRequest): readonly string[] => {
    const origin = prepared.size === 0 ? undefined : request.http.headers.origin;
    return (origin !== undefined && prepared.get(anyOrigin ? '*' : origin)) || none;
  };
  return {
    varies: !anyOrigin && origins.length > 0,
    headersFor,
    preflight(request) {
      if (request.http.method !== 'OPTIONS' || request.header('origin') === undefined) return undefined;
      if (request.header('access-control-request-method') === undefined) return undefined;
      return { status: 204, headers: headersFor(request) === none ? {} : preflightHeaders };
    },
  };
}

const none: readonly string[] = [];

function headersOf(origin: string): readonly string[] {
  return ['Access-Control-Allow-Origin', origin, 'Access-Control-Expose-Headers', exposedHeaders.join(', ')];
}

const preflightHeaders = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers': allowedHeaders.join(', '),
  'Access-Control-Max-Age': '600',
};
