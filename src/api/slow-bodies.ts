import type { ApiRequest } from './api-request.ts';
import { hasBody } from './lingering.ts';

/** Of an upload that takes longer than any other request may. In bytes per second. */
const slowestUpload = 8 * 1024;

export interface SlowBodiesParts {
  /** Milliseconds for a whole request to arrive; an upload may take longer, as long as it is no slower than it must be. */
  within: number;
  /** How often, in milliseconds, that is looked at. */
  check: number;
  /** Told of each request that has not arrived in time. */
  onSlow(request: ApiRequest): void;
}

/** Watches over bodies that come. Node has one time for all requests, which is too long for most of them or too short for an upload. */
export interface SlowBodies {
  began(request: ApiRequest): void;
  /** Its answer is given. */
  ended(request: ApiRequest): void;
  close(): void;
}

export function watchSlowBodies({ within, check, onSlow }: SlowBodiesParts): SlowBodies {
  /** What their connections had received before them. */
  const coming = new Map<ApiRequest, number>();
  const timer = setInterval(() => {
    for (const [request, before] of coming) {
      if (isOver(request)) coming.delete(request);
      else if (performance.now() - request.startedAt > allowed(request, before)) {
        coming.delete(request);
        onSlow(request);
      }
    }
  }, check).unref();

  function allowed({ endpoint, http, response }: ApiRequest, before: number): number {
    if (endpoint?.route.upload === undefined || response.headersSent) return within;
    return within + ((http.socket.bytesRead - before) / slowestUpload) * 1000;
  }

  return {
    began(request) {
      if (hasBody(request.http)) coming.set(request, request.http.socket.bytesRead);
    },
    ended(request) {
      if (isOver(request)) coming.delete(request);
    },
    close: () => clearInterval(timer),
  };
}

function isOver({ http }: ApiRequest): boolean {
  return http.complete || http.socket.destroyed;
}
