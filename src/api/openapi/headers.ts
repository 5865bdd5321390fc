import type { Endpoint } from '../endpoint.ts';

type Named = Record<string, { description: string; schema: { type: 'string'; format?: string } }>;

const text = { type: 'string' } as const;
const rateLimit = ['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'];

/** The request headers of the conventions. All routes obey `X-Request-ID`, so that it is told of once, at the beginning. */
export const requestHeaders: Named = {
  'If-Match': {
    description: 'One entity tag, or `*`: the command is refused with 412 when the task is at another revision.',
    schema: text,
  },
  'If-None-Match': {
    description: 'Entity tags, or `*`: a read answers 304, and a command is refused with 412, when one of them is still right.',
    schema: text,
  },
  'Idempotency-Key': {
    description: 'A key of your own: the same call again with it has no further effect, and gets the first outcome.',
    schema: text,
  },
  Prefer: { description: '`return=minimal` for the headers alone.', schema: text },
  'Tasktrail-Position': { description: 'The position of a write that the answer must have seen.', schema: text },
};

/** The answer headers of the conventions. */
export const answerHeaders: Named = {
  'X-Request-ID': { description: 'The id of this request, in the log too.', schema: text },
  'Tasktrail-Operation': { description: 'What the events of this call have in common.', schema: { type: 'string', format: 'uuid' } },
  ETag: { description: 'The revision of the task, as an entity tag.', schema: text },
  'Tasktrail-Revision': { description: 'The revision of the task.', schema: text },
  'Tasktrail-Position': { description: 'The position of the last event.', schema: text },
  'Idempotent-Replayed': { description: '`true` when this is the outcome of an earlier call with the same key.', schema: text },
  'Tasktrail-Stale': { description: '`true` when the answer may not have seen the latest writes.', schema: text },
  Location: { description: 'Where what was made is found.', schema: { type: 'string', format: 'uri-reference' } },
  'WWW-Authenticate': { description: 'How to authenticate.', schema: text },
  'Accept-Encoding': { description: '`identity` where a compressed body was refused.', schema: text },
  'Retry-After': { description: 'Seconds to wait before trying again.', schema: text },
  'X-RateLimit-Limit': { description: 'How many requests may be made within the tightest window that holds for this one.', schema: text },
  'X-RateLimit-Remaining': { description: 'How many of them are left.', schema: text },
  'X-RateLimit-Reset': { description: 'When the next part of them is given back, in seconds of the Unix clock.', schema: text },
};

export function headerParameters({ route }: Endpoint): { $ref: string }[] {
  return (route.obeys ?? []).map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

export function responseHeaders({ route, method }: Endpoint, status: number): Record<string, { $ref: string }> {
  const names = ['X-Request-ID'];
  const obeys = (name: NonNullable<typeof route.obeys>[number]) => route.obeys?.includes(name) ?? false;
  if (method !== 'GET') names.push('Tasktrail-Operation');
  if (obeys('Idempotency-Key')) names.push('Idempotent-Replayed');
  if (obeys('If-Match') || obeys('If-None-Match')) names.push('ETag', 'Tasktrail-Revision', 'Tasktrail-Position');
  if (obeys('Tasktrail-Position')) names.push('Tasktrail-Stale');
  if (status === 201 || status === 302 || status === 303) names.push('Location');
  if (status === 503) names.push('Retry-After');
  if (!route.undocumented && (!route.root || route.rejects.includes('RATE_LIMITED'))) names.push(...rateLimit);
  return references(names);
}

export function errorHeaders(status: number): Record<string, { $ref: string }> {
  const own: Record<number, string> = {
    401: 'WWW-Authenticate',
    412: 'ETag',
    415: 'Accept-Encoding',
    429: 'Retry-After',
    503: 'Retry-After',
  };
  const names = own[status] ? ['X-Request-ID', own[status]] : ['X-Request-ID'];
  return references(status === 429 ? [...names, ...rateLimit] : names);
}

function references(names: readonly string[]): Record<string, { $ref: string }> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
