import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openApiDocument } from '../../src/api/openapi/document.ts';
import type { Route } from '../../src/api/route.ts';

// biome-ignore lint/suspicious/noExplicitAny: a document is looked into freely
type Document = any;

interface Operation {
  method: string;
  pattern: string;
  form: RegExp;
  // biome-ignore lint/suspicious/noExplicitAny: a document is looked into freely
  responses: any;
}

/** What HTTP itself, caches and the security of browsers need: no operation documents them. */
const unlisted =
  /^(?:content-(?:type|length|encoding|security-policy)|transfer-encoding|connection|keep-alive|date|vary|cache-control|access-control-.*|strict-transport-security|cross-origin-.*|origin-agent-cluster|referrer-policy|x-(?:accel-buffering|content-type-options|dns-prefetch-control|download-options|frame-options|permitted-cross-domain-policies|xss-protection))$/;

/** Finds what a response has that the document does not say of it. */
export function documentedResponses(document: Document): (seen: SeenResponse) => string[] {
  const operations = operationsOf(document);
  const statuses = new Map(Object.entries<{ status: number }>(document['x-error-codes']).map(([code, { status }]) => [code, status]));
  return ({ method, path, status, headers }) => {
    const operation = operations.find((known) => known.method === (method === 'HEAD' ? 'GET' : method) && known.form.test(path));
    if (!operation) return [];
    const { responses } = operation;
    const isOther = responses.default['x-codes'].some((code: string) => statuses.get(code) === status);
    const response = responses[status] ?? (isOther ? responses.default : undefined);
    const name = `${operation.method} ${operation.pattern} ${status}`;
    if (!response) return [`${name} is not documented`];
    const listed = Object.entries<{ $ref: string }>(response.headers ?? {});
    const known = new Set(listed.map(([header]) => header.toLowerCase()));
    const required = listed.filter(([, { $ref }]) => document.components.headers[$ref.split('/').at(-1)!].required === true);
    return [
      ...headers.filter((header) => !known.has(header) && !unlisted.test(header)).map((header) => `${name} has ${header}`),
      ...required.filter(([header]) => !headers.includes(header.toLowerCase())).map(([header]) => `${name} lacks ${header}`),
    ];
  };
}

export interface SeenResponse {
  method: string;
  /** Without the query. */
  path: string;
  status: number;
  /** In lower case. */
  headers: readonly string[];
}

/** Static segments win over parameters. */
function operationsOf(document: Document): Operation[] {
  const paths = Object.entries<Record<string, Operation>>(document.paths).sort(([a], [b]) => a.split('{').length - b.split('{').length);
  return paths.flatMap(([pattern, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({
      method: method.toUpperCase(),
      pattern,
      form: new RegExp(`^${pattern.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}/?$`),
      responses,
    })),
  );
}

interface Finished {
  request: IncomingMessage;
  response: ServerResponse & { _header?: string };
  server: Server;
}

/** Holds every response that a server in this process gives against the document of its routes. @returns what ends that, and what was wrong */
export function watchResponses(port: number, routes: readonly Route[]): () => string[] {
  const seen = new Map<string, SeenResponse>();
  const onFinish = (message: unknown) => {
    const { request, response, server } = message as Finished;
    if ((server.address() as AddressInfo | null)?.port !== port || request.method === undefined || request.url === undefined) return;
    const lines = response._header?.split('\r\n').slice(1) ?? [];
    const headers = lines.filter((line) => line !== '').map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
    const path = request.url.split('?')[0]!;
    seen.set([request.method, path, response.statusCode, headers].join(), {
      method: request.method,
      path,
      status: response.statusCode,
      headers,
    });
  };
  subscribe('http.server.response.finish', onFinish);
  return () => {
    unsubscribe('http.server.response.finish', onFinish);
    if (seen.size === 0) return [];
    const wrongWith = documentedResponses(JSON.parse(JSON.stringify(openApiDocument(routes, { version: '0' }))));
    return [...new Set([...seen.values()].flatMap(wrongWith))];
  };
}
