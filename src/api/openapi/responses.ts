import { z } from 'zod';
import type { RejectionCode } from '../../rejection.ts';
import { scopesFor } from '../admission.ts';
import type { Endpoint } from '../endpoint.ts';
import { statusOf } from '../error-table.ts';
import type { Needs, OtherTypes } from '../route.ts';
import { ErrorView } from '../views/error-view.ts';
import { errorHeaders, responseHeaders } from './headers.ts';
import type { JsonSchema, Schemas } from './schemas.ts';

export interface Response {
  description: string;
  headers: Record<string, unknown>;
  content?: Record<string, { schema?: JsonSchema }>;
}

/** The answers of errors, kept once for each set of codes. */
export type SharedResponses = Map<string, Response>;

/** What a route may answer, by status: what it is for, then every way in which it can be refused. */
export function responsesOf(endpoint: Endpoint, schemas: Schemas, shared: SharedResponses): Record<string, Response | { $ref: string }> {
  const responses: Record<string, Response | { $ref: string }> = {};
  for (const [status, codes] of byStatus(refusalsOf(endpoint))) responses[status] = errorResponse(status, codes, schemas, shared);
  for (const [status, answer] of Object.entries(endpoint.route.answers)) {
    const content = contentOf(answer, schemas);
    const description = descriptions[status] ?? 'Not as it should be';
    responses[status] = { description, headers: responseHeaders(endpoint, Number(status)), ...(content && { content }) };
  }
  return responses;
}

const descriptions: Record<string, string> = {
  200: 'Done',
  201: 'Created',
  202: 'Accepted',
  204: 'Done',
  206: 'A part of it',
  302: 'Found elsewhere',
  303: 'Found elsewhere',
  304: 'Not changed',
};

function contentOf(answer: z.ZodType | null | OtherTypes, schemas: Schemas): Response['content'] | undefined {
  if (answer === null) return undefined;
  if (answer instanceof z.ZodType) return { 'application/json': { schema: schemas.output(answer) } };
  const others = answer.contentTypes.map((type) => [type, { schema: { type: 'string' } }] as const);
  return { ...(answer.json && { 'application/json': { schema: schemas.output(answer.json) } }), ...Object.fromEntries(others) };
}

function errorResponse(status: number, codes: readonly RejectionCode[], schemas: Schemas, shared: SharedResponses): { $ref: string } {
  const name = codes.join('.');
  const description = codes.map((code) => `\`${code}\``).join(', ');
  const content = { 'application/json': { schema: schemas.output(ErrorView) } };
  if (!shared.has(name)) shared.set(name, { description, headers: errorHeaders(status), content });
  return { $ref: `#/components/responses/${name}` };
}

function byStatus(codes: readonly RejectionCode[]): [number, RejectionCode[]][] {
  const statuses = Map.groupBy(new Set(codes), (code) => statusOf[code]);
  return [...statuses].map(([status, list]): [number, RejectionCode[]] => [status, list]).sort(([a], [b]) => a - b);
}

/** The route's own refusals, and those that the conventions add to every route of its kind. */
function refusalsOf({ route, body, method }: Endpoint): RejectionCode[] {
  const { needs } = route;
  return [
    ...route.rejects,
    ...(route.absent ? [route.absent] : []),
    'MALFORMED_REQUEST',
    'NOT_ACCEPTABLE',
    'URI_TOO_LONG',
    'VALIDATION_FAILED',
    'INTERNAL_ERROR',
    ...(body ? (['MALFORMED_JSON', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'REQUEST_TIMEOUT'] as const) : []),
    ...(needs === 'open' ? [] : (['NOT_AUTHENTICATED', 'TOKEN_INVALID', 'TOKEN_EXPIRED', 'SESSION_ENDED'] as const)),
    ...tokenRefusals(needs),
    ...(needs !== 'open' && needs.admin ? (['ADMIN_ONLY'] as const) : []),
    ...(route.root ? [] : (['RATE_LIMITED', 'DEPENDENCY_UNAVAILABLE', 'SHUTTING_DOWN'] as const)),
    ...(route.root ? [] : (['OVERLOADED'] as const)),
    ...(needs === 'open' || method !== 'GET' ? [] : (['QUERY_TOO_SLOW'] as const)),
  ];
}

function tokenRefusals(needs: Needs): RejectionCode[] {
  const scopes = needs === 'open' ? [] : scopesFor(needs);
  if (scopes === null) return ['SESSION_REQUIRED'];
  return scopes.length > 0 ? ['INSUFFICIENT_SCOPE'] : [];
}
