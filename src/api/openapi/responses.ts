import { z } from 'zod';
import type { RejectionCode } from '../../rejection.ts';
import { scopesFor } from '../admission.ts';
import type { Endpoint } from '../endpoint.ts';
import { statusOf } from '../error-table.ts';
import type { Needs, OtherTypes } from '../route.ts';
import { ErrorView } from '../views/error-view.ts';
import { errorHeaders, type Headers, otherErrorHeaders, successHeaders } from './headers.ts';
import type { JsonSchema, Schemas } from './schemas.ts';

export interface Response {
  description: string;
  headers?: Headers;
  content?: Record<string, { schema?: JsonSchema }>;
  /** The codes of an error. */
  'x-codes'?: readonly string[];
}

/** What a route may answer, by status: what it is for, then every way in which it can be refused. */
export function responsesOf(endpoint: Endpoint, schemas: Schemas): Record<string, Response> {
  const responses: Record<string, Response> = {};
  const error = { 'application/json': { schema: schemas.output(ErrorView) } };
  const own = refusalsOf(endpoint);
  const statuses = new Set(own.map((code) => statusOf[code]));
  const besides = ofEveryRoute.filter((code) => statuses.has(statusOf[code]));
  for (const [status, codes] of byStatus([...own, ...besides])) {
    responses[status] = { description: listed(codes), headers: errorHeaders(endpoint, status), content: error, 'x-codes': codes };
  }
  for (const [status, answer] of Object.entries(endpoint.route.answers))
    responses[status] = success(endpoint, Number(status), answer, schemas);
  if (endpoint.route.obeys?.includes('Prefer') && responses[200]) {
    responses[204] = { description: 'Done, and only the headers were preferred', headers: successHeaders(endpoint, 200, true) };
  }
  const others = ofEveryRoute.filter((code) => !(statusOf[code] in responses));
  responses.default = {
    description: 'A request that no route would take, a fault of the service, or an error of the proxy before it.',
    headers: otherErrorHeaders(endpoint),
    content: error,
    'x-codes': [...others, 'PROXY_FAILED'],
  };
  return responses;
}

function success(endpoint: Endpoint, status: number, answer: z.ZodType | null | OtherTypes, schemas: Schemas): Response {
  const content = contentOf(answer, schemas);
  const isMaybeEmpty = status === 201 && endpoint.route.obeys?.includes('Prefer');
  const description = isMaybeEmpty ? 'Created; empty where only the headers were preferred' : descriptions[status];
  return { description: description ?? 'Not as it should be', headers: successHeaders(endpoint, status), ...(content && { content }) };
}

const descriptions: Record<number, string> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted',
  204: 'Done',
  206: 'A part of it',
  302: 'Found elsewhere',
  303: 'Found elsewhere',
  304: 'Not changed',
};

const anyType = '*/*';
const bytes = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };

function contentOf(answer: z.ZodType | null | OtherTypes, schemas: Schemas): Response['content'] | undefined {
  if (answer === null) return undefined;
  if (answer instanceof z.ZodType) return { 'application/json': { schema: schemas.output(answer) } };
  // Of any type, as the file that it is.
  if (answer.contentTypes.includes(anyType)) return bytes;
  const others = answer.contentTypes.map((type) => [type, { schema: { type: 'string' } }] as const);
  return { ...(answer.json && { 'application/json': { schema: schemas.output(answer.json) } }), ...Object.fromEntries(others) };
}

function listed(codes: readonly string[]): string {
  return codes.map((code) => `\`${code}\``).join(', ');
}

function byStatus(codes: readonly RejectionCode[]): [number, RejectionCode[]][] {
  const statuses = Map.groupBy(new Set(codes), (code) => statusOf[code]);
  return [...statuses].map(([status, list]): [number, RejectionCode[]] => [status, list.sort()]).sort(([a], [b]) => a - b);
}

/** The route's own refusals, and those that the conventions add to every route of its kind. */
function refusalsOf({ route, body, method, produces }: Endpoint): RejectionCode[] {
  const { needs } = route;
  return [
    ...route.rejects,
    ...(route.absent ? [route.absent] : []),
    'METHOD_NOT_ALLOWED',
    'VALIDATION_FAILED',
    ...(body ? (['MALFORMED_JSON', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const) : []),
    ...(produces.length > 1 ? (['NOT_ACCEPTABLE'] as const) : []),
    ...(needs === 'open' ? [] : (['NOT_AUTHENTICATED', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'SESSION_ENDED'] as const)),
    ...tokenRefusals(needs),
    ...(needs !== 'open' && needs.admin ? (['ADMIN_ONLY'] as const) : []),
    ...(route.root ? [] : (['RATE_LIMITED', 'DEPENDENCY_UNAVAILABLE', 'SHUTTING_DOWN'] as const)),
    ...(route.root ? [] : (['OVERLOADED'] as const)),
    ...(needs === 'open' || method !== 'GET' ? [] : (['QUERY_TOO_SLOW'] as const)),
  ];
}

/** What any request can be refused with, whatever it calls: written out only where the route has another code of the same status. */
const ofEveryRoute = [
  'MALFORMED_REQUEST',
  'NOT_ACCEPTABLE',
  'REQUEST_TIMEOUT',
  'BODY_TOO_LARGE',
  'URI_TOO_LONG',
  'INTERNAL_ERROR',
  'TRANSFER_CODING_UNKNOWN',
] as const satisfies readonly RejectionCode[];

function tokenRefusals(needs: Needs): RejectionCode[] {
  const scopes = needs === 'open' ? [] : scopesFor(needs);
  if (scopes === null) return ['SESSION_REQUIRED'];
  return scopes.length > 0 ? ['INSUFFICIENT_SCOPE'] : [];
}
