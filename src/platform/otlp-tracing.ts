import { AsyncLocalStorage } from 'node:async_hooks';
import { hash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Context,
  defaultTextMapGetter,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, resourceAttributesEnvDetector, resourceFromAttributes, serviceNameEnvDetector } from '@opentelemetry/resources';
import { BatchSpanProcessor, type IdGenerator, RandomIdGenerator, TracerProvider } from '@opentelemetry/sdk-trace';
import { LRUCache } from 'lru-cache';
import { reporting } from './reporting-exporter.ts';
import type { Attributes, Operation, Span, Tracing, TracingSettings } from './tracing.ts';

const REMEMBERED_OPERATIONS = 10_000;
const EVERY_MS = 250;
const EXPORT_WITHIN_MS = 3_000;
const CLOSE_WITHIN_MS = 2_000;

/**
 * Traces by OpenTelemetry, sent as OTLP over HTTP.
 *
 * A trace has the id of its operation (both are 128 random bits), and the operation's own span an id that follows from it. So whoever
 * knows the operation of an event, in whatever process and however much later, knows which span to continue. An operation that was
 * asked for within somebody else's trace is a span of that one, with a link to the trace that has its own id.
 */
export function createOtlpTracing(settings: TracingSettings & { endpoint: string }): Tracing {
  const { provider, ids } = openProvider(settings);
  const tracer = provider.getTracer(settings.serviceName, settings.serviceVersion);
  const underWay = new AsyncLocalStorage<Context>();
  const propagator = new W3CTraceContextPropagator();
  const operations = new LRUCache<string, SpanContext>({ max: REMEMBERED_OPERATIONS });

  const beginningOf = (operationId: string): Context =>
    trace.setSpanContext(ROOT_CONTEXT, operations.get(operationId) ?? ownContext(operationId));

  const begin = (operation: Operation, name: string): OtelSpan => {
    const around = propagator.extract(ROOT_CONTEXT, operation, defaultTextMapGetter);
    const own = ownContext(operation.id);
    const isWithin = trace.getSpanContext(around) !== undefined;
    const options = {
      kind: SpanKind.SERVER,
      attributes: { 'tasktrail.operation_id': operation.id },
      ...(isWithin && { links: [{ context: own }] }),
    };
    const span = ids.next(own, () => tracer.startSpan(name, options, around));
    operations.set(operation.id, span.spanContext());
    return span;
  };

  return {
    operation(operation, name, work) {
      const span = begin(operation, name);
      return underWay.run(trace.setSpan(ROOT_CONTEXT, span), () => finishing(span, work));
    },
    part(name, attributes, work, operationId) {
      const parent = underWay.getStore() ?? (operationId ? beginningOf(operationId()) : ROOT_CONTEXT);
      const span = tracer.startSpan(name, { attributes: copied(attributes) }, parent);
      return underWay.run(trace.setSpan(parent, span), () => finishing(span, work));
    },
    followed({ name, operationId, from, to, attributes }) {
      const joined = { 'tasktrail.operation_id': operationId, ...copied(attributes) };
      tracer
        .startSpan(name, { kind: SpanKind.CONSUMER, startTime: from, attributes: joined }, beginningOf(operationId))
        .end(Math.max(from, to));
    },
    async close() {
      await Promise.race([provider.shutdown().catch(() => {}), pause(CLOSE_WITHIN_MS, undefined, { ref: false })]);
    },
  };
}

function openProvider({ endpoint, serviceName, serviceVersion, log }: TracingSettings & { endpoint: string }) {
  const ids = operationIds();
  // What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say goes before.
  const detected = detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] });
  const resource = resourceFromAttributes({ 'service.name': serviceName, 'service.version': serviceVersion }).merge(detected);
  const otlp = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: EXPORT_WITHIN_MS });
  const exporter = reporting(otlp, log);
  const batches = new BatchSpanProcessor({ exporter, scheduledDelayMillis: EVERY_MS, exportTimeoutMillis: EXPORT_WITHIN_MS + 500 });
  return { provider: new TracerProvider({ resource, idGenerator: ids, spanProcessors: [batches] }), ids };
}

/** The trace and span that an operation is by itself. */
function ownContext(operationId: string): SpanContext {
  const traceId = operationId.replaceAll('-', '');
  return { traceId, spanId: hash('sha256', operationId).slice(0, 16), traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** Random ids, but for the one span that is to have certain ones. */
function operationIds(): IdGenerator & { next(given: SpanContext, start: () => OtelSpan): OtelSpan } {
  const random = new RandomIdGenerator();
  let wanted: SpanContext | undefined;
  return {
    generateTraceId: () => wanted?.traceId ?? random.generateTraceId(),
    generateSpanId: () => wanted?.spanId ?? random.generateSpanId(),
    next(given, start) {
      wanted = given;
      try {
        return start();
      } finally {
        wanted = undefined;
      }
    },
  };
}

async function finishing<T>(span: OtelSpan, work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return await work({
      rename: (name) => void span.updateName(name),
      describe: (attributes) => void span.setAttributes(copied(attributes)),
      fail: () => void span.setStatus({ code: SpanStatusCode.ERROR }),
    });
  } catch (error) {
    // Only its kind: a message may hold what is nobody's business.
    span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', (error as Error)?.name ?? 'unknown');
    throw error;
  } finally {
    span.end();
  }
}

function copied(attributes: Attributes): Record<string, string | number | string[]> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value])) as Record<
    string,
    string | number | string[]
  >;
}
