import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Metrics } from '../../platform/metrics.ts';
import { shareResult } from '../../platform/shared-result.ts';
import { Rejection } from '../../rejection.ts';
import { type Check, healthChecks } from '../health.ts';
import type { RequestMetrics } from '../request-metrics.ts';
import { type RequestContext, type Route, route } from '../route.ts';

export interface OpsServices {
  /** By the name of the part: `eventstore`, `postgres` and `projector` are vital. */
  checks: Readonly<Record<string, Check>>;
  /** Whether requests should be sent here; the reason when not. */
  readiness(): Readiness | Promise<Readiness>;
  about: About;
  metrics: Metrics;
  requestMetrics: RequestMetrics;
  /** What the detailed state and the metrics ask for as a bearer token; they are open to all when left out. */
  metricsToken?: string | undefined;
  /** Milliseconds of a clock that never goes back. */
  now?: () => number;
}

export interface Readiness {
  ready: boolean;
  reason: string | null;
}

export interface About {
  name: string;
  version: string;
  commit: string | null;
  environment: string;
  /** RFC 3339. */
  started_at: string;
}

const PartStatus = z.enum(['healthy', 'degraded', 'unhealthy', 'off']);
const HealthView = z.strictObject({ status: z.literal('healthy'), database: z.enum(['healthy', 'unhealthy']) }).meta({ id: 'Health' });
const DetailedHealthView = z
  .strictObject({
    status: z.enum(['healthy', 'degraded', 'unhealthy']),
    checks: z.record(z.string(), z.looseObject({ status: PartStatus, latency_ms: z.number().optional() })),
  })
  .meta({ id: 'DetailedHealth', description: 'Unhealthy when the event store, PostgreSQL or the projector is.' });
const ReadinessView = z.strictObject({ ready: z.boolean(), reason: z.string().nullable() }).meta({ id: 'Readiness' });
const AboutView = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    commit: z.string().nullable(),
    environment: z.string(),
    started_at: z.iso.datetime({ precision: 3 }),
  })
  .meta({ id: 'Version' });
const TotalsView = z.strictObject({ total_requests: z.int(), status_codes: z.record(z.string(), z.int()) }).meta({ id: 'RequestTotals' });

/** How old metrics may be that are given to another caller. */
const METRICS_MAX_AGE_MS = 1000;

const common = { method: 'get', root: true, tag: 'Operations', needs: 'open', rejects: [] } as const;

const probe = { ...common, isProbe: true } as const;

/** These tell more of the installation than everybody has to know. */
const guarded = {
  ...probe,
  description: 'With `METRICS_TOKEN` set, that token is required as bearer token.',
  rejects: ['NOT_AUTHENTICATED', 'TOKEN_INVALID'],
} as const;

/** What those who run the service ask it. Open to all, and never held up by what it tells about. */
export function opsRoutes(services: OpsServices): Route[] {
  return [...healthRoutes(services), ...metricsRoutes(services)];
}

function healthRoutes({ checks, readiness, about, metricsToken, now }: OpsServices): Route[] {
  const health = healthChecks(checks, now);
  const alive = async () => {
    const { status } = await health.one('postgres');
    const database = status === 'unhealthy' ? 'unhealthy' : 'healthy';
    return { status: 200, body: { status: 'healthy', database } satisfies z.output<typeof HealthView> };
  };
  return [
    route({ ...probe, path: '/health', summary: 'Whether the process answers', answers: { 200: HealthView }, handle: alive }),
    route({ ...probe, path: '/ops/health', summary: 'The same as /health', answers: { 200: HealthView }, handle: alive }),
    route({
      ...guarded,
      path: '/health/detailed',
      summary: 'How every part is',
      answers: { 200: DetailedHealthView, 503: DetailedHealthView },
      async handle({ request }) {
        requireToken(request, metricsToken);
        const body = await health.all();
        return body.status === 'unhealthy' ? { status: 503, headers: { 'Retry-After': '5' }, body } : { status: 200, body };
      },
    }),
    route({
      ...probe,
      path: '/ready',
      summary: 'Whether requests should be sent here',
      answers: { 200: ReadinessView, 503: ReadinessView },
      async handle() {
        const body = await readiness();
        return body.ready ? { status: 200, body } : { status: 503, headers: { 'Retry-After': '1' }, body };
      },
    }),
    route({
      ...common,
      path: '/version',
      summary: 'What is running, and since when',
      answers: { 200: AboutView },
      handle: () => ({ status: 200, body: about }),
    }),
  ];
}

function metricsRoutes({ metrics, requestMetrics, metricsToken, now }: OpsServices): Route[] {
  const exposition = shareResult(METRICS_MAX_AGE_MS, metrics.text, now);
  return [
    route({
      ...guarded,
      path: '/ops/metrics',
      summary: 'How many requests were answered with which status',
      answers: { 200: TotalsView },
      handle({ request }) {
        requireToken(request, metricsToken);
        return { status: 200, body: requestMetrics.totals() };
      },
    }),
    route({
      ...guarded,
      path: '/metrics',
      summary: 'The metrics of this process, for Prometheus',
      answers: { 200: { contentTypes: [metrics.contentType] } },
      async handle({ request }) {
        requireToken(request, metricsToken);
        return { status: 200, content: { contentType: metrics.contentType, content: await exposition() } };
      },
    }),
  ];
}

/** @throws Rejection NOT_AUTHENTICATED, TOKEN_INVALID */
function requireToken(request: RequestContext, token: string | undefined): void {
  if (token === undefined) return;
  const sent = /^Bearer +(\S+) *$/i.exec(request.header('authorization') ?? '')?.[1];
  if (sent === undefined) throw new Rejection('NOT_AUTHENTICATED', 'Send METRICS_TOKEN as bearer token');
  // Digests have one length, so that the comparison does not tell by its time how much of the token is right.
  if (!timingSafeEqual(digest(sent), digest(token))) throw new Rejection('TOKEN_INVALID', 'This is not the METRICS_TOKEN of this service');
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
