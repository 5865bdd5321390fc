import type { Tracing } from '../platform/tracing.ts';
import type { ApiRequest } from './api-request.ts';

/** Serves requests and answers the status of each: every one is an operation in the traces, when somebody collects them. */
export function traced(
  tracing: Tracing | undefined,
  serve: (request: ApiRequest) => Promise<number>,
): (request: ApiRequest) => Promise<number> {
  if (!tracing) return serve;
  return (request) => {
    const { method } = request.http;
    const operation = {
      id: request.operationId,
      traceparent: request.header('traceparent'),
      tracestate: request.header('tracestate'),
    };
    return tracing.operation(operation, method, async (span) => {
      const status = await serve(request);
      const route = request.endpoint?.pattern;
      if (route !== undefined) span.rename(`${method} ${route}`);
      span.describe({
        'http.request.method': method,
        'http.response.status_code': status,
        'tasktrail.request_id': request.requestId,
        ...(route !== undefined && { 'http.route': route }),
        ...(request.userId !== null && { 'user.id': request.userId }),
      });
      if (status >= 500) span.fail();
      return status;
    });
  };
}
