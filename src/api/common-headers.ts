import type { IncomingMessage, ServerResponse } from 'node:http';
import helmet from 'helmet';

/** The headers of every answer, worked out once: names and values by turns. A route's own take their place. */
export function commonHeaders(variesByOrigin: boolean): string[] {
  const vary = `Authorization, Accept${variesByOrigin ? ', Origin' : ''}`;
  return [...securityHeaders(), 'Cache-Control', 'private, no-cache', 'Vary', vary];
}

function securityHeaders(): string[] {
  const headers: string[] = [];
  const recorder = {
    setHeader: (name: string, value: string) => headers.push(name, value),
    removeHeader: () => {},
  } as unknown as ServerResponse;
  const directives = { defaultSrc: ["'none'"], frameAncestors: ["'none'"] };
  helmet({ contentSecurityPolicy: { useDefaults: false, directives }, xFrameOptions: { action: 'deny' } })(
    {} as IncomingMessage,
    recorder,
    () => {},
  );
  return headers;
}
