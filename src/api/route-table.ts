import { Rejection } from '../rejection.ts';
import { type Endpoint, endpointOf, servedPath } from './endpoint.ts';
import type { Route } from './route.ts';
import { RoutingTree } from './routing-tree.ts';
import { loosePlaces } from './strictness.ts';

export interface FoundPath {
  params: Record<string, string>;
  /** The methods that the path takes, as the `Allow` header says it. */
  allow: string;
  /** By method, HEAD included. */
  endpoints: ReadonlyMap<string, Endpoint>;
}

export const nothingServed = new Rejection('ROUTE_NOT_FOUND', 'Nothing is served at this path');

interface Methods {
  endpoints: Map<string, Endpoint>;
  allow: string;
}

/**
 * Finds what is served at a path.
 * @param absent what a path is refused with that is none of these
 * @throws Error, when it is made, for two routes of the same method and path, and for a schema that passes over unknown keys
 */
export function routeTable(routes: readonly Route[], absent = nothingServed): (path: string) => FoundPath {
  const tree = new RoutingTree<Methods>();
  routes.forEach(requireStrict);
  for (const route of routes) tree.add(servedPath(route), (there) => withEndpoint(there, endpointOf(route)));
  return (path) => {
    const found = tree.find(path);
    if (!found) throw absent;
    return { params: found.params, allow: found.value.allow, endpoints: found.value.endpoints };
  };
}

function requireStrict(route: Route): void {
  for (const part of ['params', 'query', 'body'] as const) {
    const loose = route[part] ? loosePlaces(route[part]) : [];
    if (loose.length > 0) throw new Error(`${route.method} ${route.path} passes over unknown keys in its ${part}, at ${loose.join(', ')}`);
  }
}

function withEndpoint(there: Methods | undefined, endpoint: Endpoint): Methods {
  const methods = there ?? { endpoints: new Map(), allow: '' };
  if (methods.endpoints.has(endpoint.method)) throw new Error(`${endpoint.method} ${endpoint.pattern} is declared twice`);
  methods.endpoints.set(endpoint.method, endpoint);
  if (endpoint.method === 'GET') methods.endpoints.set('HEAD', endpoint);
  methods.allow = [...methods.endpoints.keys(), 'OPTIONS'].join(', ');
  return methods;
}
