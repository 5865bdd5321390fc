import { z } from 'zod';
import type { Route } from './route.ts';

/** A route with what can be known of it before any request. */
export interface Endpoint {
  route: Route;
  /** In capitals. */
  method: string;
  /** The whole path, with parameters as `{name}`: what logs, metrics and documents call it. */
  pattern: string;
  /** The media types that it may answer with; none where they are known to the answer alone. */
  produces: readonly string[];
  /** The first id in the path, when the route says what is absent if it is no UUID. */
  idParameter: string | undefined;
  /** What a body must be; undefined when none is looked at. */
  body: z.ZodType | undefined;
}

export const basePath = '/api/v1';

const json = 'application/json';
/** What `Accept` names makes no difference then. */
const anyType = '*/*';
const emptyObject = z.strictObject({});

/** The path of a route as it is served, with parameters as `:name`. */
export function servedPath(route: Route): string {
  return route.root ? route.path : basePath + route.path;
}

/** @throws Error for a route that cannot be meant so */
export function endpointOf(route: Route): Endpoint {
  const pattern = servedPath(route).replace(/:(\w+)/g, '{$1}');
  const method = route.method.toUpperCase();
  if (pattern.includes('{') && !route.params) throw new Error(`${method} ${pattern} has parameters and no schema for them`);
  const takesBody = method !== 'GET' && method !== 'DELETE' && route.upload === undefined && !route.anyBody;
  return {
    route,
    method,
    pattern,
    produces: producedBy(route),
    idParameter: route.absent && /\{(\w+_id|id)\}/.exec(pattern)?.[1],
    body: route.body ?? (takesBody ? emptyObject : undefined),
  };
}

function producedBy(route: Route): string[] {
  const types = Object.values(route.answers).flatMap((answer) => {
    if (answer === null) return [];
    if (answer instanceof z.ZodType) return [json];
    return answer.json ? [json, ...answer.contentTypes] : answer.contentTypes;
  });
  return types.includes(anyType) ? [] : [...new Set(types)];
}
