import type { Caller } from '../accounts/caller.ts';
import { Rejection } from '../rejection.ts';
import type { ApiRequest } from './api-request.ts';
import { readJson } from './body.ts';
import type { Cors } from './cors.ts';
import type { Endpoint } from './endpoint.ts';
import { isFault } from './error-answer.ts';
import { RefusalWithHeaders } from './refusal-with-headers.ts';
import { requestParts } from './request-parts.ts';
import type { Answer, Needs, RequestContext, Route } from './route.ts';
import { routeTable } from './route-table.ts';

/**
 * Who makes a request, by its `Authorization` header.
 * @throws Rejection with NOT_AUTHENTICATED, TOKEN_INVALID, TOKEN_EXPIRED or SESSION_ENDED
 */
export type Authenticate = (authorization: string | undefined, request: RequestContext) => Promise<Caller> | Caller;

export interface Served {
  routes: readonly Route[];
  authenticate: Authenticate;
  /** What other paths are refused with: that there is nothing, when left out. */
  otherwise?: Rejection;
}

export interface HandlingParts extends Served {
  cors: Cors;
  isDraining(): boolean;
}

/** Longer targets are no use to anybody. In characters. */
const longestTarget = 8192;

/** From a request to its answer, whatever its path. Throws what the answer to an error is made from. */
export function requestHandling({
  routes,
  authenticate,
  otherwise,
  cors,
  isDraining,
}: HandlingParts): (request: ApiRequest) => Promise<Answer> {
  const find = routeTable(routes, otherwise);

  return async (request) => {
    if (request.http.url.length > longestTarget)
      throw new Rejection('URI_TOO_LONG', `The target has more than ${longestTarget} characters`);
    if (request.http.headers.host === undefined && request.http.httpVersion === '1.1')
      throw new Rejection('MALFORMED_REQUEST', 'The Host header is missing');
    const preflight = cors.preflight(request);
    if (preflight) return preflight;
    const { params, endpoints, allow } = find(request.path);
    const endpoint = endpoints.get(request.http.method);
    if (!endpoint) return otherMethod(request.http.method, allow);
    request.endpoint = endpoint;
    if (isDraining() && !endpoint.route.root) throw new Rejection('SHUTTING_DOWN', 'The service is shutting down');
    requireAcceptable(endpoint, request);
    // Only what takes time is waited for: most questions are answered in the same turn of the event loop.
    const asking = callerOf(endpoint.route, request);
    const caller = asking && (await asking);
    request.userId = caller?.id ?? null;
    const sent = endpoint.body && (await readJson(request.http));
    const parts = requestParts(endpoint, params, sent, request);
    return endpoint.route.handle({ ...parts, caller, request });
  };

  function callerOf({ needs, root }: Route, request: ApiRequest): Promise<Caller | null> | null {
    const { authorization } = request.http.headers;
    if (needs !== 'open') return admitted(needs, authorization, request);
    return root || authorization === undefined ? null : perhaps(authorization, request);
  }

  async function admitted(needs: Exclude<Needs, 'open'>, authorization: string | undefined, request: ApiRequest): Promise<Caller> {
    const caller = await authenticate(authorization, request);
    if (needs.admin && !caller.isAdmin) throw new Rejection('ADMIN_ONLY', 'This is for admins only');
    return caller;
  }

  /** What is open to all is not closed to who comes with a token that has expired, or while tokens cannot be looked up. */
  async function perhaps(authorization: string, request: ApiRequest): Promise<Caller | null> {
    try {
      return await authenticate(authorization, request);
    } catch (error) {
      if (isFault(error)) throw error;
      return null;
    }
  }
}

function otherMethod(method: string, allow: string): Answer {
  if (method === 'OPTIONS') return { status: 204, headers: { Allow: allow } };
  throw new RefusalWithHeaders(new Rejection('METHOD_NOT_ALLOWED', `This path takes ${allow}`), { Allow: allow });
}

function requireAcceptable({ produces }: Endpoint, { http }: ApiRequest): void {
  const { accept } = http.headers;
  if (accept === undefined || accept === '*/*' || produces.length === 0 || produces.includes(accept)) return;
  if (!http.accepts([...produces])) throw new Rejection('NOT_ACCEPTABLE', `This can be answered as ${produces.join(', ')}`);
}
