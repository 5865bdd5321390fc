import type { Tracing, TracingSettings } from './tracing.ts';

/** What it takes to trace is loaded only when somebody collects. @returns undefined when nobody does */
export async function openTracing(settings: TracingSettings): Promise<Tracing | undefined> {
  const { endpoint } = settings;
  if (endpoint === undefined) return undefined;
  const { createOtlpTracing } = await import('./otlp-tracing.ts');
  return createOtlpTracing({ ...settings, endpoint });
}
