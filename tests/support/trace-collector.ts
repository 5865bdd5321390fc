import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A span as OTLP writes it, with its attributes as they were meant. */
export interface CollectedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
  attributes: Record<string, unknown>;
}

export interface TraceCollector {
  url: string;
  spans: CollectedSpan[];
  resources: Record<string, unknown>[];
  /** Everything that was sent, as text. */
  sent: string[];
  headers: IncomingHttpHeaders[];
  /** Waits until a span came that is as looked for, for five seconds at most. */
  until(isSo: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
  close(): Promise<void>;
}

type Attribute = { key: string; value: Record<string, unknown> };

/** Takes traces as OTLP over HTTP in JSON, on a free port. */
export async function startTraceCollector(): Promise<TraceCollector> {
  const collected = {
    spans: [] as CollectedSpan[],
    resources: [] as Record<string, unknown>[],
    sent: [] as string[],
    headers: [] as IncomingHttpHeaders[],
  };
  const server = createServer(async (request, response) => {
    const body = await text(request);
    if (request.method !== 'POST' || request.url !== '/v1/traces') return void response.writeHead(404).end();
    collected.sent.push(body);
    collected.headers.push(request.headers);
    for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
      collected.resources.push(valuesOf(resource.attributes));
      for (const { spans } of scopeSpans)
        for (const span of spans) collected.spans.push({ ...span, attributes: valuesOf(span.attributes ?? []) });
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    ...collected,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async until(isSo) {
      for (const deadline = Date.now() + 5_000; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 10))) {
        const span = collected.spans.find(isSo);
        if (span) return span;
      }
      throw new Error(`No such span among ${collected.spans.map(({ name }) => name).join(', ')}`);
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, meaningOf(value)]));
}

function meaningOf(value: Record<string, unknown>): unknown {
  if ('arrayValue' in value) return ((value.arrayValue as { values?: Record<string, unknown>[] }).values ?? []).map(meaningOf);
  return Object.values(value)[0];
}
