// The rules that both documents keep, each as a function from a document to the places that break it.

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into freely
export type Json = any;

interface Place {
  path: string;
  schema: Json;
  /** Whether it is part of a request. */
  isRequest: boolean;
}

const inMaps = ['properties', 'patternProperties', '$defs'];
const inLists = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const inOne = ['items', 'additionalProperties', 'propertyNames', 'contains'];

function* within(schema: Json, path: string, isRequest: boolean): Generator<Place> {
  if (typeof schema !== 'object' || schema === null) return;
  yield { path, schema, isRequest };
  for (const key of inMaps)
    for (const [name, inner] of Object.entries(schema[key] ?? {})) yield* within(inner, `${path}.${name}`, isRequest);
  for (const key of inLists)
    for (const [index, inner] of (schema[key] ?? []).entries()) yield* within(inner, `${path}.${key}${index}`, isRequest);
  for (const key of inOne) yield* within(schema[key], `${path}.${key}`, isRequest);
}

export interface Operation {
  name: string;
  method: string;
  path: string;
  operation: Json;
}

export function operationsOf(document: Json): Operation[] {
  return Object.entries<Record<string, Json>>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      operation,
    })),
  );
}

export function parametersOf(document: Json, operation: Json): Json[] {
  return operation.parameters.map((parameter: Json) =>
    parameter.$ref === undefined ? parameter : document.components.parameters[parameter.$ref.split('/').at(-1)],
  );
}

/** Every schema of a document. Components belong to requests where one refers to them. */
export function schemasOf(document: Json): Place[] {
  const { schemas = {}, parameters = {}, headers = {} } = document.components;
  const operations = document.paths ? operationsOf(document) : [];
  const bodies = operations.flatMap(({ name, operation }) =>
    Object.values<Json>(operation.requestBody?.content ?? {}).map(({ schema }) => ({ name, schema })),
  );
  const requested = referredBy(bodies, schemas);
  const places = Object.entries(schemas).flatMap(([name, schema]) => [...within(schema, name, requested.has(name))]);
  for (const { name, schema } of bodies) places.push(...within(schema, `${name} body`, true));
  for (const { name, operation } of operations) {
    for (const { name: parameter, schema, $ref } of operation.parameters) {
      if ($ref === undefined) places.push(...within(schema, `${name} ${parameter}`, true));
    }
    for (const [status, { content = {} }] of Object.entries<Json>(operation.responses)) {
      for (const { schema } of Object.values<Json>(content)) places.push(...within(schema, `${name} ${status}`, false));
    }
  }
  for (const [name, { schema }] of Object.entries<Json>(parameters)) places.push(...within(schema, name, true));
  for (const [name, { schema }] of Object.entries<Json>(headers)) places.push(...within(schema, name, false));
  return places;
}

function referredBy(value: Json, schemas: Json): Set<string> {
  const found = new Set<string>();
  const names = (text: string) => [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name!);
  const left = names(JSON.stringify(value));
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    left.push(...names(JSON.stringify(schemas[name])));
  }
  return found;
}

const broken = (document: Json, isBroken: (place: Place) => boolean): string[] =>
  schemasOf(document)
    .filter(isBroken)
    .map(({ path, schema }) => `${path}: ${JSON.stringify(schema).slice(0, 200)}`);

const hasType = (schema: Json, type: string) => [schema.type].flat().includes(type);

/** Vocabularies that no release of this version of the API adds to. */
const fixed = [
  ['view', 'edit'],
  ['view', 'edit', 'owner', 'admin'],
  ['user', 'admin'],
  ['low', 'medium', 'high', 'urgent'],
  ['todo', 'in_progress', 'in_review', 'blocked', 'done', 'cancelled'],
  // Closed by the contract.
  [
    'required',
    'type',
    'too_short',
    'too_long',
    'too_small',
    'too_big',
    'format',
    'not_one_of',
    'unknown_key',
    'duplicate',
    'conflicts_with',
  ],
  ['token_ended', 'password_reset', 'password_changed', 'compromised', 'account_disabled', 'gone', 'unreachable for a day'],
  ['created', 'changed', 'finished', 'reopened', 'deleted', 'restored'],
  // States of the service and of what it works on.
  ['healthy', 'degraded', 'unhealthy', 'off'],
  ['live', 'catching_up', 'rebuilding', 'stopped'],
  ['queued', 'running', 'succeeded', 'failed'],
  ['failed', 'retrying'],
  ['handled', 'failed', 'under_way'],
  ['waiting', 'delivered', 'failed', 'withheld', 'cancelled'],
  ['event', 'test', 'redelivery', 'replay'],
  ['session', 'token'],
  ['user', 'system'],
  // Words of headers.
  ['true'],
  ['return=minimal'],
  ['identity'],
  ['bytes'],
];

/** What the data of an event hold is fixed with the version of its type. */
function isOfEvent(document: Json, path: string): boolean {
  const data = path.split('.')[0]!.replace(/OnTopic$/, '');
  return document.components.schemas.Event.oneOf.some(({ $ref }: Json) => $ref === `#/components/schemas/${data}Event`);
}

function isFixed(words: readonly (string | null)[]): boolean {
  return fixed.some((known) => words.every((word) => word === null || known.includes(word)));
}

const formatsOfText = ['uuid', 'date', 'date-time', 'email', 'uri', 'uri-reference', 'binary'];

/** By what they are about. */
export const rules: Record<string, (document: Json) => string[]> = {
  'booleans are booleans, and no words': (document) =>
    broken(
      document,
      ({ schema, isRequest }) => isRequest && (schema.enum ?? []).some((value: Json) => value === 'true' || value === 'false'),
    ),
  'integers have a format, and those of requests bounds': (document) =>
    broken(
      document,
      ({ schema, isRequest }) =>
        hasType(schema, 'integer') &&
        (!['int32', 'int64'].includes(schema.format) || (isRequest && (schema.minimum === undefined || schema.maximum === undefined))),
    ),
  'lists name what they hold': (document) => broken(document, ({ schema }) => hasType(schema, 'array') && schema.items === undefined),
  'what may be null has null among its types': (document) =>
    broken(
      document,
      ({ schema }) =>
        'nullable' in schema ||
        (schema.anyOf?.length === 2 &&
          schema.anyOf[1].type === 'null' &&
          typeof schema.anyOf[0].type === 'string' &&
          schema.anyOf[0].const === undefined),
    ),
  'formats are those that generators know': (document) =>
    broken(document, ({ schema }) => hasType(schema, 'string') && schema.format !== undefined && !formatsOfText.includes(schema.format)),
  'ids, positions and times have their form': (document) =>
    broken(document, ({ path, schema }) => {
      if (!hasType(schema, 'string') || schema['x-extensible-enum']) return false;
      const name = path.split('.').at(-1)!.split(' ').at(-1)!;
      if (/(?:^|_)position$/.test(name)) return schema.pattern !== '^[0-9]+$';
      if (/_at$/.test(name)) return schema.format !== 'date-time';
      // Request ids are text, and those of events name a stream.
      return /(?:^|_)id$/.test(name) && name !== 'request_id' && schema.format !== 'uuid';
    }),
  'bodies of requests name all their keys': (document) =>
    broken(
      document,
      ({ schema, isRequest }) =>
        isRequest &&
        schema.type === 'object' &&
        schema.properties &&
        schema.additionalProperties !== false &&
        !('List-Unsubscribe' in schema.properties),
    ),
  'responses may have more keys': (document) =>
    broken(document, ({ schema, isRequest }) => !isRequest && schema.additionalProperties === false),
  'responses have no defaults': (document) => broken(document, ({ schema, isRequest }) => !isRequest && 'default' in schema),
  'words of responses that may grow are no enumerations': (document) =>
    broken(
      document,
      ({ path, schema, isRequest }) => !isRequest && schema.enum !== undefined && !isFixed(schema.enum) && !isOfEvent(document, path),
    ),
  'no pattern needs more than every engine reads': (document) =>
    broken(document, ({ schema }) => /\\[pP]\{|\\u/.test(schema.pattern ?? '')),
};

/** Of the OpenAPI document alone. */
export const operationRules: Record<string, (document: Json) => string[]> = {
  'lists in queries have commas between their items': (document) =>
    ofOperations(document, ({ operation }) =>
      parametersOf(document, operation)
        .filter(
          ({ in: place, schema, style, explode }) =>
            place === 'query' && schema.type === 'array' && (style !== 'form' || explode !== false),
        )
        .map(({ name }) => name),
    ),
  'parameters that name words have them as enumerations': (document) =>
    ofOperations(document, ({ operation }) =>
      parametersOf(document, operation)
        .filter(
          ({ name, in: place, schema }) =>
            place === 'query' && ['status', 'priority', 'action', 'kind', 'types', 'include'].includes(name) && !schema.items?.enum,
        )
        .map(({ name }) => name),
    ),
  'every error has its codes and the schema of errors, in its own place': (document) =>
    ofOperations(document, ({ operation }) =>
      Object.entries<Json>(operation.responses)
        // Health and readiness answer 503 with what is wrong.
        .filter(
          ([status, { content }]) => (status >= '400' || status === 'default') && /ApiError/.test(JSON.stringify(content ?? 'ApiError')),
        )
        .filter(([status, response]) => !isError(document, status, response))
        .map(([status]) => status),
    ),
  'every operation has a 405 with Allow, a 422 and a default': (document) =>
    ofOperations(document, ({ operation: { responses } }) => [
      ...(responses[405]?.headers?.Allow ? [] : ['405']),
      ...(responses[422] && responses.default ? [] : ['422, default']),
    ]),
  'what prefers no body gets none': (document) =>
    ofOperations(document, ({ operation }) => {
      const prefers = parametersOf(document, operation).some(({ name }) => name === 'Prefer');
      const { 200: done, 201: created, 204: nothing } = operation.responses;
      const applied = (response: Json) => response?.headers?.['Preference-Applied'] !== undefined;
      return prefers && !(created ? applied(created) : done && applied(nothing)) ? ['Prefer'] : [];
    }),
  'headers that say what to do are there': (document) =>
    ofOperations(document, ({ method, operation }) =>
      Object.entries<Json>(operation.responses).flatMap(([status, { headers = {} }]) =>
        [
          ...(status === 'default' ? [] : ['X-Request-ID']),
          ...(status === '401' ? ['WWW-Authenticate'] : []),
          ...(status === '412' ? ['ETag'] : []),
          ...(status === '429' || status === '503' ? ['Retry-After'] : []),
          ...(status === '416' || status === '206' ? ['Content-Range'] : []),
          ...(status < '300' && method !== 'GET' ? ['Tasktrail-Operation'] : []),
        ].filter((name) => headers[name] === undefined),
      ),
    ),
  'no operation takes or gives just anything': (document) =>
    ofOperations(document, ({ operation }) =>
      [operation.requestBody, ...Object.values<Json>(operation.responses)].flatMap((part) =>
        Object.entries<Json>(part?.content ?? {}).flatMap(([type, { schema }]) =>
          type === '*/*' || Object.keys(schema).length === 0 ? [type] : [],
        ),
      ),
    ),
};

function ofOperations(document: Json, wrong: (operation: Operation) => string[]): string[] {
  return operationsOf(document).flatMap((operation) => wrong(operation).map((what) => `${operation.name}: ${what}`));
}

function isError(document: Json, status: string, response: Json): boolean {
  const codes: string[] = response['x-codes'] ?? [];
  const table = document['x-error-codes'] ?? {};
  return (
    response.$ref === undefined &&
    response.content['application/json'].schema.$ref === '#/components/schemas/ApiError' &&
    codes.length > 0 &&
    codes.every((code) => table[code] && (status === 'default' || table[code].status === Number(status)))
  );
}
