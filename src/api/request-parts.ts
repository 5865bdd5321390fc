import { parsePosition } from '../events/store/event-store.ts';
import { Id, isStorable } from '../events/values.ts';
import { Rejection, type RejectionCode } from '../rejection.ts';
import type { ApiRequest } from './api-request.ts';
import { addUnsafe, type SentJson } from './body.ts';
import type { Endpoint } from './endpoint.ts';
import { isIfMatch, isIfNoneMatch } from './etag.ts';
import { checked, type Fault, Faults, unknownKey } from './faults.ts';
import { parseQuery } from './query-string.ts';
import type { Route } from './route.ts';

export interface RequestParts {
  params: unknown;
  query: unknown;
  body: unknown;
}

const nothing = Object.freeze({});

/**
 * What a request asks for, by the schemas of its route.
 * @throws VALIDATION_FAILED with all that is wrong anywhere in it; the route's own 404 for an id that none could be
 */
export function requestParts(
  endpoint: Endpoint,
  params: Record<string, string>,
  sent: SentJson | undefined,
  request: ApiRequest,
): RequestParts {
  const { route, idParameter } = endpoint;
  if (idParameter !== undefined && !Id.safeParse(params[idParameter]).success) throw absence(route.absent!);
  const faults = new Faults();
  const parts = {
    params: route.params ? checkedParams(route, params, faults) : nothing,
    query: checkedQuery(route, request.search, faults),
    body: endpoint.body && checked(endpoint.body, sent ? sent.value : {}, '', faults),
  };
  if (sent) addUnsafe(sent, faults);
  if (route.obeys) for (const name of route.obeys) checkHeader(route, name, request, faults);
  if (route.refuses && request.header(route.refuses.toLowerCase()) !== undefined) {
    faults.add(unknownKey(`header.${route.refuses.toLowerCase()}`));
  }
  if (faults.list.length > 0) throw new Rejection('VALIDATION_FAILED', 'The request is not valid', faults.list);
  return parts;
}

function checkedParams(route: Route, params: Record<string, string>, faults: Faults): unknown {
  const own = new Faults();
  const value = checked(route.params!, params, 'path.', own);
  for (const name in params) if (!isStorable(params[name]!)) own.add(notStorable(`path.${name}`));
  if (route.absent && own.list.some(({ path }) => namesAnId.test(path))) throw absence(route.absent);
  for (const fault of own.list) faults.add(fault);
  return value;
}

function absence(code: RejectionCode): Rejection {
  return new Rejection(code, `There is no such ${code.replace('_NOT_FOUND', '').replaceAll('_', ' ').toLowerCase()}`);
}

const namesAnId = /[._]id$/;

function notStorable(path: string): Fault {
  return { path, message: 'must be well-formed text without NUL characters', code: 'format' };
}

function checkedQuery(route: Route, search: string, faults: Faults): unknown {
  if (!route.query && (search === '' || route.undocumented)) return nothing;
  const parameters = parseQuery(search, faults);
  if (route.query) return checked(route.query, parameters, 'query.', faults);
  for (const name in parameters) faults.add(unknownKey(`query.${name}`));
  return nothing;
}

function checkHeader({ method }: Route, name: NonNullable<Route['obeys']>[number], request: ApiRequest, faults: Faults): void {
  // A read with tags that are none is answered whole; a command must not be carried out against a condition that was not understood.
  const rule = name === 'If-None-Match' && method === 'get' ? undefined : headerRules[name];
  const value = rule && request.header(name.toLowerCase());
  if (rule && value !== undefined && !rule.accepts(value)) {
    faults.add({ path: `header.${name.toLowerCase()}`, message: rule.message, code: 'format' });
  }
}

/** The headers in which a mistake must not pass unnoticed. */
const headerRules: Partial<Record<string, { accepts(value: string): boolean; message: string }>> = {
  'If-Match': { accepts: isIfMatch, message: 'must be one entity tag, as in "3", or *' },
  'If-None-Match': { accepts: isIfNoneMatch, message: 'must be entity tags with commas between them, as in "3", or *' },
  'Idempotency-Key': { accepts: (value) => /^[\x21-\x7e]{1,128}$/.test(value), message: 'must be 1 to 128 visible ASCII characters' },
  'Last-Event-ID': { accepts: (value) => /^\d{0,30}$/.test(value), message: 'must be the id of an event of this stream: decimal digits' },
  'Tasktrail-Position': { accepts: (value) => parsePosition(value) !== undefined, message: 'must be a position: decimal digits' },
};
