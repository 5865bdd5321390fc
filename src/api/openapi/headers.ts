import type { Endpoint } from '../endpoint.ts';
import { requestedPosition } from '../forms.ts';
import type { GivenHeader, HeaderName, ObeyedHeader } from '../route.ts';
import { isPage } from '../views/listing-view.ts';
import type { JsonSchema } from './schemas.ts';

interface Header {
  description: string;
  schema: JsonSchema;
}

const text = { type: 'string' };
const position = { type: 'string', ...requestedPosition };
const whole = { type: 'integer', format: 'int64', minimum: 0 };
const ETAG = '(?:W/)?"[\\x21\\x23-\\x7e\\x80-\\xff]*"';

/** The request headers of the conventions. All routes obey `X-Request-ID`, so that the document mentions it once, at the beginning. */
export const requestHeaders: Record<ObeyedHeader | typeof ofReads, Header> = {
  'If-Match': {
    description: 'One entity tag, or `*`: the command is refused with 412 when the task is at another revision.',
    schema: { type: 'string', pattern: `^(?:\\*|${ETAG})$` },
  },
  'If-None-Match': {
    description: 'Entity tags, or `*`: the command is refused with 412 when the task is at one of these revisions.',
    schema: { type: 'string', pattern: `^(?:\\*|${ETAG}(?:[ \\t]*,[ \\t]*${ETAG})*)$` },
  },
  'If-None-Match.read': {
    description: 'Entity tags, or `*`: the response is 304 when one of them is still right. What is no entity tag is ignored.',
    schema: text,
  },
  'Idempotency-Key': {
    description: 'A key of your own: the same call again with it has no further effect, and gets the first outcome.',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]+$', minLength: 1, maxLength: 128 },
  },
  Prefer: { description: '`return=minimal` for the headers alone. Other preferences are ignored.', schema: text },
  'Tasktrail-Position': {
    description: 'The position of a write that the response must have seen.',
    schema: position,
  },
  'Last-Event-ID': {
    description: 'The `id` of the last event that has arrived: the stream resumes behind it. Empty is as if it were left out.',
    schema: { type: 'string', pattern: '^[0-9]*$', maxLength: 30 },
  },
  Range: { description: 'One range of bytes, as in `bytes=0-499`. Several ranges, and other units, are ignored.', schema: text },
  'If-Range': { description: 'An entity tag: with another one, `Range` is ignored.', schema: text },
};

const ofReads = 'If-None-Match.read';

/** The response headers of the conventions. */
const responseHeaders: Record<HeaderName, Header> = {
  'X-Request-ID': {
    description: 'The id of this request, in the log too.',
    schema: { type: 'string', minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._-]+$' },
  },
  'Tasktrail-Operation': { description: 'What the events of this call have in common.', schema: { type: 'string', format: 'uuid' } },
  ETag: { description: 'An entity tag: of a task, its revision in quotes.', schema: { type: 'string', pattern: `^${ETAG}$` } },
  'Tasktrail-Revision': { description: 'The revision of the task.', schema: whole },
  'Tasktrail-Position': { description: 'The position of the last event.', schema: position },
  'Tasktrail-As-Of-Position': {
    description: 'The position that the moment stands for: asked for by it, it never moves.',
    schema: position,
  },
  'Idempotent-Replayed': {
    description: 'This is the outcome of an earlier call with the same key.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Preference-Applied': { description: 'The preference that was obeyed.', schema: { type: 'string', enum: ['return=minimal'] } },
  'Tasktrail-Stale': { description: 'The response may not have seen the latest writes.', schema: { type: 'string', enum: ['true'] } },
  Location: { description: 'Where it is found.', schema: { type: 'string', format: 'uri-reference' } },
  Link: { description: 'The first, previous, next and last part of the list, as far as they are known and there.', schema: text },
  Allow: { description: 'The methods that the path takes.', schema: text },
  'WWW-Authenticate': { description: 'How to authenticate.', schema: text },
  'Accept-Encoding': { description: '`identity` where a compressed body was refused.', schema: { type: 'string', enum: ['identity'] } },
  'Accept-Ranges': { description: 'The unit of ranges.', schema: { type: 'string', enum: ['bytes'] } },
  'Content-Range': {
    description: 'Which bytes of how many these are; `bytes */` and the number where the range was refused.',
    schema: text,
  },
  'Content-Disposition': { description: 'The name of the file.', schema: text },
  'Retry-After': { description: 'Seconds to wait before trying again.', schema: whole },
  'X-RateLimit-Limit': { description: 'How many requests may be made within the tightest window that holds for this one.', schema: whole },
  'X-RateLimit-Remaining': { description: 'How many of them are left.', schema: whole },
  'X-RateLimit-Reset': { description: 'When the next part of them is given back, in seconds of the Unix clock.', schema: whole },
};

export type Headers = Record<string, { $ref: string }>;

/** Each in two forms: one that always comes, and one that may. */
export function headerComponents(): JsonSchema {
  return Object.fromEntries(
    Object.entries(responseHeaders).flatMap(([name, header]) => [
      [keyOf(name, true), { ...header, required: true }],
      [keyOf(name, false), header],
    ]),
  );
}

/** Short, because the document refers to them thousands of times. */
function keyOf(name: string, isRequired: boolean): string {
  return name.replace(/^(?:X-|Tasktrail-)/, '') + (isRequired ? '' : '.maybe');
}

export function headerParameters({ route }: Endpoint): { $ref: string }[] {
  const names = (route.obeys ?? []).map((name) => (name === 'If-None-Match' && route.method === 'get' ? ofReads : name));
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

/** The headers of a success. */
export function successHeaders(endpoint: Endpoint, status: number, isMinimal = false): Headers {
  const { route, method } = endpoint;
  const { gives = [] } = route;
  const own = Array.isArray(gives) ? gives : ((gives as Record<number, readonly GivenHeader[]>)[status] ?? []);
  const isCreated = status === 201 && route.obeys?.includes('Prefer');
  return references([
    'X-Request-ID',
    ...(method === 'GET' ? [] : (['Tasktrail-Operation'] as const)),
    ...own,
    ...ofPages(route.answers[status]),
    ...(isMinimal ? (['Preference-Applied'] as const) : isCreated ? (['Preference-Applied?'] as const) : []),
    ...(status === 503 ? (['Retry-After'] as const) : []),
    ...rateLimits(endpoint),
  ]);
}

function ofPages(answer: Endpoint['route']['answers'][number] | undefined): GivenHeader[] {
  if (answer instanceof Object && 'contentTypes' in answer)
    return answer.json && isPage(answer.json) ? ['Link?', 'Content-Disposition?'] : [];
  return answer && isPage(answer) ? ['Link'] : [];
}

/** Which headers tell more of an error, by its status. */
const ofErrors: Record<number, readonly GivenHeader[]> = {
  401: ['WWW-Authenticate'],
  405: ['Allow'],
  412: ['ETag'],
  415: ['Accept-Encoding?'],
  416: ['Content-Range'],
  429: ['Retry-After'],
  503: ['Retry-After'],
};

/** Statuses of requests that are refused before it is known what they call. */
const ofStrays: readonly number[] = [400, 404, 405, 408, 413, 414, 500, 501, 503];

export function errorHeaders(endpoint: Endpoint, status: number): Headers {
  const operation = ofStrays.includes(status) ? 'Tasktrail-Operation?' : 'Tasktrail-Operation';
  return references([
    'X-Request-ID',
    ...(endpoint.method === 'GET' || status === 405 ? [] : ([operation] as const)),
    ...(ofErrors[status] ?? []),
    ...(status === 405 ? [] : rateLimits(endpoint)),
  ]);
}

/** Of those that no route is refused with. */
export function otherErrorHeaders(endpoint: Endpoint): Headers {
  const operation = endpoint.method === 'GET' ? [] : (['Tasktrail-Operation?'] as const);
  return references(['X-Request-ID?', ...operation, ...rateLimits(endpoint)]);
}

/** Not required: the limits can be switched off by settings. */
function rateLimits({ route }: Endpoint): GivenHeader[] {
  if (route.undocumented || (route.root && !route.rejects.includes('RATE_LIMITED'))) return [];
  return ['X-RateLimit-Limit?', 'X-RateLimit-Remaining?', 'X-RateLimit-Reset?'];
}

function references(names: readonly GivenHeader[]): Headers {
  return Object.fromEntries(
    names.map((given) => {
      const name = given.replace('?', '');
      return [name, { $ref: `#/components/headers/${keyOf(name, name === given)}` }];
    }),
  );
}
