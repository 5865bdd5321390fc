import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { parseMediaType, preferredType } from '../../../src/api/media-types.ts';
import { type Route, route } from '../../../src/api/route.ts';
import { type Serving, serving } from './serving.ts';

const common = { method: 'get', tag: 'Things', summary: 'A thing', needs: 'open', rejects: [] } as const;
const content = (contentType: string) => ({ status: 200, content: { contentType, content: 'here' } });
const events = (async function* () {
  yield 'event: end\ndata: {}\n\n';
})();

const routes: Route[] = [
  route({ ...common, path: '/json', answers: { 200: z.unknown() }, handle: () => ({ status: 200, body: 'here' }) }),
  route({
    ...common,
    method: 'post',
    path: '/json',
    body: z.unknown(),
    answers: { 200: z.unknown() },
    handle: ({ body }) => ({ status: 200, body }),
  }),
  route({
    ...common,
    path: '/stream',
    answers: { 200: { contentTypes: ['text/event-stream'] } },
    handle: () => ({ status: 200, stream: { contentType: 'text/event-stream', chunks: events } }),
  }),
  route({
    ...common,
    path: '/metrics',
    answers: { 200: { contentTypes: ['text/plain; version=0.0.4; charset=utf-8'] } },
    handle: () => content('text/plain; version=0.0.4; charset=utf-8'),
  }),
  route({
    ...common,
    path: '/page',
    answers: { 200: { contentTypes: ['text/html; charset=utf-8'] } },
    handle: () => content('text/html; charset=utf-8'),
  }),
  route({ ...common, path: '/file', answers: { 200: { contentTypes: ['*/*'] } }, handle: () => content('image/png') }),
];

let served: Serving;
beforeAll(async () => {
  served = await serving(routes);
});
afterAll(() => served.stop());

const statusOf = async (path: string, accept?: string) =>
  (await served.ask('GET', `/api/v1${path}`, { headers: accept === undefined ? {} : { Accept: accept } })).status;

/** As these clients send it. */
const clients = {
  'curl and Go': '*/*',
  'Java’s URLConnection': 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2',
  'a browser': 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  axios: 'application/json, text/plain, */*',
};
const ofJson = {
  'an older .NET': 'application/json; charset=utf-8',
  OData: 'application/json;odata=verbose',
  'OData 4': 'application/json;odata.metadata=minimal;odata.streaming=true',
  'a retrofit client': 'application/json;charset=UTF-8',
  'capitals and quotes': 'Application/JSON; Charset="utf-8"; q=0.9',
  'a quoted comma': 'application/json; profile="a, b;c"',
  'a generated client': 'application/json',
};

describe('Accept', () => {
  const all = ['/json', '/stream', '/metrics', '/page', '/file'];

  test.each([...Object.entries(clients), ...Object.entries(ofJson)])('of %s is met by every route: %s', async (_, accept) => {
    for (const path of all) expect([path, await statusOf(path, accept)]).toEqual([path, 200]);
  });

  test.each([
    ['/stream', 'text/event-stream;charset=utf-8'],
    ['/stream', 'text/event-stream, application/json;q=0.5'],
    [
      '/metrics',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
    ],
    ['/metrics', 'text/plain;version=1.0.0'],
    ['/page', 'text/*'],
  ])('%s is had with %s', async (path, accept) => {
    expect(await statusOf(path, accept)).toBe(200);
  });

  test.each([
    ['/json', 'text/csv'],
    ['/json', 'application/json;q=0'],
    ['/json', 'application/json;q=0, */*'],
    ['/json', 'application'],
    ['/stream', 'text/csv'],
    ['/stream', 'text/event-stream;q=0, application/json; q=0'],
    ['/metrics', 'image/*'],
  ])('%s is not had with %s', async (path, accept) => {
    expect(await statusOf(path, accept)).toBe(406);
  });

  test('decides by q, then by its own order, then by the order of the types', () => {
    const types = ['application/json', 'text/csv', 'application/x-ndjson'];
    expect(preferredType('text/csv;q=0.5, application/x-ndjson;q=0.8', types)).toBe('application/x-ndjson');
    expect(preferredType('text/csv, application/json', types)).toBe('text/csv');
    expect(preferredType('*/*, text/csv;q=0.1', types)).toBe('application/json');
    expect(preferredType('text/*;q=0.3, */*;q=0.1', types)).toBe('text/csv');
    expect(preferredType(undefined, types)).toBe('application/json');
    expect(preferredType('', types)).toBeUndefined();
  });

  test('is read in one pass, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'",;=/*\\ aq0.') }), (text) => {
        preferredType(text, ['application/json']);
        parseMediaType(text);
      }),
    );
    for (const piece of ['"', '"\\', ',', ';', ' ', 'a/b;', '",']) preferredType(piece.repeat(30_000), ['application/json']);
  });
});

describe('the Content-Type of a body', () => {
  const post = async (type: string, more: Record<string, string> = {}) => {
    const { status, headers } = await served.ask('POST', '/api/v1/json', { body: '{"a":1}', headers: { 'Content-Type': type, ...more } });
    return { status, acceptEncoding: headers['accept-encoding'] };
  };

  test.each([
    ...Object.values(ofJson),
    'application/merge-patch+json',
    'application/vnd.api+json; charset=utf8',
    'application/json;',
    'application/json ; odata=verbose ; charset = utf-8',
  ])('may be %s', async (type) => {
    expect((await post(type)).status).toBe(200);
  });

  test.each([
    ...['text/plain', 'application/jsonp', 'application/json, text/plain', 'application/json/x', 'json', '; charset=utf-8'],
    ...['application/json; charset=utf-16', 'application/json; odata=verbose; CHARSET="ISO-8859-1"'],
  ])('may not be %s', async (type) => {
    expect((await post(type)).status).toBe(415);
  });

  test('of a compressed body is of no use, and the answer says which coding is', async () => {
    expect(await post('application/json', { 'Content-Encoding': 'gzip' })).toEqual({ status: 415, acceptEncoding: 'identity' });
    expect(await post('application/json', { 'Content-Encoding': 'Identity' })).toEqual({ status: 200, acceptEncoding: undefined });
    expect(await post('text/plain')).toEqual({ status: 415, acceptEncoding: undefined });
  });
});
