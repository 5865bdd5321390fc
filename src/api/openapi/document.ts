import { z } from 'zod';
import { scopesFor } from '../admission.ts';
import { type Endpoint, endpointOf } from '../endpoint.ts';
import { eventSchemas } from '../event-schemas.ts';
import type { Route } from '../route.ts';
import { errorCodes } from './error-codes.ts';
import { headerComponents, headerParameters, requestHeaders } from './headers.ts';
import { responsesOf } from './responses.ts';
import { createSchemas, type JsonSchema, type Schemas } from './schemas.ts';

export interface About {
  version: string;
  /** Where clients reach the service; where they got the document from, when left out. */
  publicUrl?: string | undefined;
}

/** The OpenAPI 3.1 document of the routes, made from the schemas that check the requests and type the handlers. */
export function openApiDocument(routes: readonly Route[], { version, publicUrl }: About): JsonSchema {
  const endpoints = routes.filter((route) => !route.undocumented).map(endpointOf);
  const schemas = createSchemas();
  const errors = errorCodes(schemas);
  const paths: Record<string, JsonSchema> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.pattern] = { ...paths[endpoint.pattern], [endpoint.route.method]: operationOf(endpoint, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Tasktrail', version, description, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: publicUrl?.replace(/\/+$/, '') || '/' }],
    tags: [...new Set(endpoints.map(({ route }) => route.tag))].map((name) => ({ name })),
    security: [{ session: [] }, { personal_access_token: [] }],
    paths,
    'x-error-codes': errors.table,
    components: {
      schemas: sorted({ ...eventSchemas(schemas), ...errors.schemas }),
      parameters: Object.fromEntries(
        Object.entries(requestHeaders).map(([key, header]) => [key, { name: key.split('.')[0], in: 'header', ...header }]),
      ),
      headers: headerComponents(),
      securitySchemes: {
        session: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token of a session: from signing in.' },
        personal_access_token: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'ttp_…',
          description: 'A personal access token. Each operation names the scopes that it needs; `tasks:write` includes `tasks:read`.',
        },
      },
    },
  };
}

const description = `A task-management service in which every change is an event.

Times are RFC 3339 in UTC with milliseconds, ids lower-case UUIDs. Every error has the same envelope, with a \`code\` for programs.
Every answer below \`/api/v1\`, errors included, tells in \`X-RateLimit-…\` how many requests are left to the caller, or without a token to their address.
Send \`X-Request-ID\` (1 to 128 of \`[A-Za-z0-9._-]\`) to give a request a name of your own: it comes back, and stands in the log.
Within \`/api/v1\` keys, optional parameters and codes may be added: ignore what you do not know.`;

function operationOf(endpoint: Endpoint, schemas: Schemas): JsonSchema {
  const { route } = endpoint;
  return {
    tags: [route.tag],
    summary: route.summary,
    ...(route.description && { description: route.description }),
    operationId: operationId(endpoint),
    ...securityOf(route),
    parameters: [
      ...parametersOf(route.params, 'path', schemas),
      ...parametersOf(route.query, 'query', schemas),
      ...headerParameters(endpoint),
    ],
    ...(route.body && { requestBody: bodyOf(route.body, schemas) }),
    ...(route.anyBody && { requestBody: anyBody }),
    ...(route.upload !== undefined && { requestBody: { required: true, content: uploadOf(route.upload) } }),
    responses: responsesOf(endpoint, schemas),
  };
}

/** A body may be left out where an empty one is valid. Of a body with several forms, the first is documented: many generators read no more. */
function bodyOf(body: z.ZodType, schemas: Schemas): JsonSchema {
  const form = (body instanceof z.ZodUnion ? body.options[0] : body) as z.ZodType;
  return { required: !body.safeParse({}).success, content: { 'application/json': { schema: schemas.input(form) } } };
}

/** What a mail program sends with one click (RFC 8058); anything else will do too. */
const anyBody = {
  content: {
    'application/x-www-form-urlencoded': { schema: { type: 'object', properties: { 'List-Unsubscribe': { type: 'string' } } } },
  },
};

function uploadOf(part: string): JsonSchema {
  const type = 'application/octet-stream';
  const properties = { [part]: { type: 'string', format: 'binary', contentMediaType: type, description: 'The file, with its name.' } };
  const schema = { type: 'object', required: [part], properties, additionalProperties: false };
  return { 'multipart/form-data': { schema, encoding: { [part]: { contentType: type } } } };
}

/** As `getTasksByTaskId`. */
function operationId({ pattern, method }: Endpoint): string {
  const words = pattern
    .replace(/^\/api\/v1/, '')
    .replace(/\{(\w+)\}/g, 'by_$1')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method.toLowerCase() + words.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('');
}

/** With a session; or with a personal access token that has these scopes, where one will do. */
function securityOf({ needs }: Route): JsonSchema {
  if (needs === 'open') return { security: [] };
  const scopes = scopesFor(needs);
  return { security: [{ session: [] }, ...(scopes === null ? [] : [{ personal_access_token: scopes }])] };
}

function parametersOf(schema: Route['params'], place: 'path' | 'query', schemas: Schemas): JsonSchema[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemas.input(schema) as { properties?: Record<string, JsonSchema>; required?: string[] };
  return Object.entries(properties).map(([name, { description, ...own }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description !== undefined && { description }),
    ...(own.type === 'array' && { style: 'form', explode: false }),
    schema: place === 'path' ? pathSchema(name, own) : own,
  }));
}

/** A segment of a path is never empty. */
function pathSchema(name: string, { pattern, ...own }: JsonSchema): JsonSchema {
  return namesAnId.test(name) ? { ...own, format: 'uuid' } : { minLength: 1, ...own, ...(pattern !== undefined && { pattern }) };
}

function sorted(schemas: Record<string, JsonSchema>): Record<string, JsonSchema> {
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const namesAnId = /(?:^|_)id$/;
