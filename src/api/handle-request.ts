import type { IncomingMessage } from 'node:http';
import { Rejection, type RejectionCode } from '../rejection.ts';
import { withinScopes } from './admission.ts';
import type { ApiRequest } from './api-request.ts';
import { discardBody, readJson } from './body.ts';
import type { Cors } from './cors.ts';
import { createCrowding } from './crowding.ts';
import { inTimezone } from './days.ts';
import type { Endpoint } from './endpoint.ts';
import { hasBody } from './lingering.ts';
import { notAcceptable } from './not-acceptable.ts';
import type { RateLimits } from './rate-limits.ts';
import { RefusalWithHeaders } from './refusal-with-headers.ts';
import { requestParts } from './request-parts.ts';
import type { Answer, Route } from './route.ts';
import { type FoundPath, nothingServed, routeTable } from './route-table.ts';
import { type Authenticate, whoAsks } from './who-asks.ts';

export interface Served {
  routes: readonly Route[];
  authenticate: Authenticate;
  /** None when left out. */
  limits?: RateLimits;
  /** What other paths are refused with: that there is nothing, when left out. */
  otherwise?: Rejection;
  /** Told of every request that was answered with 401 or 403. */
  onRefused?(request: ApiRequest, code: RejectionCode): void;
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
  limits,
  otherwise,
  cors,
  isDraining,
}: HandlingParts): (request: ApiRequest) => Promise<Answer> {
  const find = routeTable(routes, otherwise);
  const { callerOf, countStray } = whoAsks(authenticate, limits);
  const crowding = createCrowding();

  return async (request) => {
    if (request.http.url.length > longestTarget)
      throw new Rejection('URI_TOO_LONG', `The target has more than ${longestTarget} characters`);
    requireReadable(request.http);
    const preflight = cors.preflight(request);
    if (preflight) return preflight;
    const found = endsInSlash(request) ? (otherwise ?? nothingServed) : foundAt(request.path);
    if (!('endpoints' in found)) return refuseStray(request, found);
    const endpoint = found.endpoints.get(request.http.method);
    if (!endpoint && request.http.method === 'OPTIONS') return { status: 204, headers: { Allow: found.allow } };
    if (!endpoint) return refuseStray(request, otherMethod(found.allow));
    request.endpoint = endpoint;
    if (isDraining() && !endpoint.route.root) throw new Rejection('SHUTTING_DOWN', 'The service is shutting down');
    const refusal = crowding.refusal(endpoint);
    if (refusal) {
      limits?.show(request);
      return refusal;
    }
    // Only what takes time is waited for: most questions are answered in the same turn of the event loop.
    const asking = callerOf(endpoint.route, request);
    const caller = asking && (await asking);
    request.userId = caller?.id ?? null;
    requireAcceptable(endpoint, request);
    const sent = endpoint.body && (await readJson(request.http));
    if (!endpoint.body && endpoint.route.upload === undefined && hasBody(request.http)) await discardBody(request.http);
    const parts = requestParts(endpoint, found.params, sent, request);
    const { limited } = endpoint.route;
    if (limited && limits) for (const as of [limited].flat()) await limits.countAttempt(request, as, parts.body);
    const handle = () => endpoint.route.handle({ ...parts, caller: inTimezone(caller, parts.query), request });
    const handled = crowding.carryOut(endpoint, () => (caller?.token ? withinScopes(caller, handle) : handle()));
    return looksUpPeople(limited, parts.body) ? countingMisses(request, handled) : handled;
  };

  /** Only a look-up that finds no one stays counted: it tells which names and addresses have no account. */
  async function countingMisses(request: ApiRequest, handled: Promise<Answer>): Promise<Answer> {
    const isMiss = (error: unknown) => error instanceof Rejection && error.code === 'USER_NOT_FOUND';
    const answer = await handled.catch(async (error: unknown) => {
      if (!isMiss(error)) await limits?.forgetLookup(request);
      throw error;
    });
    await limits?.forgetLookup(request);
    return answer;
  }

  function foundAt(path: string): FoundPath | Error {
    try {
      return find(path);
    } catch (refusal) {
      return refusal as Error;
    }
  }

  async function refuseStray(request: ApiRequest, refusal: Error): Promise<never> {
    await countStray(request);
    throw refusal;
  }
}

/** @throws MALFORMED_REQUEST, TRANSFER_CODING_UNKNOWN */
function requireReadable({ headers, rawHeaders, httpVersion }: IncomingMessage): void {
  if (headers.host === undefined && httpVersion === '1.1') throw new Rejection('MALFORMED_REQUEST', 'The Host header is missing');
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) if (rawHeaders[index]!.toLowerCase() === 'host') hosts++;
  if (hosts > 1) throw new Rejection('MALFORMED_REQUEST', 'There is more than one Host header');
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
    throw new Rejection('TRANSFER_CODING_UNKNOWN', 'The only transfer coding that is read is chunked');
}

function looksUpPeople(limited: Route['limited'], body: unknown): boolean {
  return [limited ?? []].flat().some((as) => typeof as === 'object' && 'looksUp' in as && as.looksUp(body));
}

/**
 * Whether it would delete what stands above the resource that its caller named: URL parsers resolve `…/tags/..` before they send it, and
 * the path that arrives ends in a slash.
 */
function endsInSlash({ http, path }: ApiRequest): boolean {
  return http.method === 'DELETE' && path.endsWith('/');
}

function otherMethod(allow: string): Error {
  return new RefusalWithHeaders(new Rejection('METHOD_NOT_ALLOWED', `This path takes ${allow}`), { Allow: allow });
}

/** A route that answers nothing as JSON is also open to clients that were told of its errors alone: generated ones ask for their type. */
function requireAcceptable({ produces }: Endpoint, request: ApiRequest): void {
  const { accept } = request.http.headers;
  if (accept === undefined || accept === '*/*' || produces.length === 0) return;
  if (request.preferred(produces) ?? request.preferred(['application/json'])) return;
  throw notAcceptable(produces);
}
