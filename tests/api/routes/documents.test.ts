import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import type { Compress } from '../../../src/api/constant-content.ts';
import { type Route, route } from '../../../src/api/route.ts';
import { documentRoutes } from '../../../src/api/routes/documents.ts';
import { type Serving, serving } from '../framework/serving.ts';

const Person = z.strictObject({ id: z.string(), full_name: z.string() }).meta({ id: 'Person', description: 'Somebody.' });
const Thing = z.strictObject({ id: z.string(), owner: Person, due: z.iso.date().nullable(), count: z.int() }).meta({ id: 'Thing' });
const NewThing = z.strictObject({ title: z.string().trim().min(1).max(255), count: z.int().default(1) }).meta({ id: 'NewThing' });

const routes: Route[] = [
  route({
    method: 'post',
    path: '/things',
    tag: 'Things',
    summary: 'Make a thing',
    description: 'It is *yours*.',
    needs: { scope: 'tasks:write' },
    body: NewThing,
    obeys: ['Idempotency-Key', 'Prefer'],
    gives: ['Idempotent-Replayed?', 'Location'],
    answers: { 201: Thing },
    rejects: ['USER_NOT_FOUND', 'IDEMPOTENCY_KEY_REUSED'],
    handle: () => ({ status: 201 }),
  }),
  route({
    method: 'patch',
    path: '/things/:thing_id',
    tag: 'Things',
    summary: 'Change a thing',
    needs: { scope: 'tasks:write', task: 'edit' },
    params: z.strictObject({ thing_id: z.string() }),
    body: NewThing.partial(),
    obeys: ['If-Match'],
    answers: { 200: Thing },
    rejects: ['REVISION_MISMATCH', 'FORBIDDEN'],
    absent: 'TASK_NOT_FOUND',
    handle: () => ({ status: 200 }),
  }),
  route({
    method: 'get',
    path: '/things',
    tag: 'Things',
    summary: 'List things',
    needs: { scope: 'tasks:read', admin: true },
    query: z.strictObject({
      page: z.coerce.number().int().min(1).default(1).describe('From 1.'),
      status: z.string().transform((list) => list.split(',')),
    }),
    obeys: ['Tasktrail-Position'],
    answers: { 200: { json: z.strictObject({ items: z.array(Thing) }), contentTypes: ['text/csv'] } },
    rejects: ['INVALID_CURSOR'],
    handle: () => ({ status: 200 }),
  }),
  route({
    method: 'get',
    path: '/alive',
    root: true,
    tag: 'Operations',
    summary: 'Alive',
    needs: 'open',
    answers: { 200: z.literal('yes') },
    rejects: [],
    handle: () => ({ status: 200 }),
  }),
];

let served: Serving;
// biome-ignore lint/suspicious/noExplicitAny: a document of documents
let document: any;
beforeAll(async () => {
  served = await serving([...routes, ...documentRoutes(routes, { version: '1.2.3' })]);
  document = (await served.ask('GET', '/openapi.json')).json;
});
afterAll(() => served.stop());

describe('/openapi.json', () => {
  test('is a valid OpenAPI 3.1 document', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect([document.openapi, document.info.version]).toEqual(['3.1.0', '1.2.3']);
  });

  test('refers to nothing that is not in it', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path]) => path!);
    expect(references.length).toBeGreaterThan(20);
    for (const reference of references) {
      const found = reference.split('/').reduce((at, key) => at?.[key], document);
      expect([reference, typeof found]).toEqual([reference, 'object']);
    }
  });

  test('has every route, and no page', () => {
    expect(Object.keys(document.paths)).toEqual([
      '/api/v1/things',
      '/api/v1/things/{thing_id}',
      '/alive',
      '/openapi.json',
      '/asyncapi.json',
    ]);
    const ids = Object.values<Record<string, { operationId: string }>>(document.paths).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    );
    expect(ids).toEqual(['postThings', 'getThings', 'patchThingsByThingId', 'getAlive', 'getOpenapiJson', 'getAsyncapiJson']);
  });

  test('names the views once, and says what a request must be and an answer may be', () => {
    const { schemas } = document.components;
    expect(Object.keys(schemas)).toEqual(expect.arrayContaining(['ApiError', 'NewThing', 'Person', 'Thing']));
    expect(schemas.Thing.properties.owner).toEqual({ $ref: '#/components/schemas/Person' });
    expect(schemas.Thing.properties.due).toEqual({ type: ['string', 'null'], format: 'date' });
    expect(schemas.Thing.additionalProperties).toBeUndefined();
    expect(schemas.NewThing).toMatchObject({ required: ['title'], additionalProperties: false });
    const { requestBody, responses } = document.paths['/api/v1/things'].post;
    expect(requestBody.content['application/json'].schema).toEqual({ $ref: '#/components/schemas/NewThing' });
    expect(responses['201'].content['application/json'].schema).toEqual({ $ref: '#/components/schemas/Thing' });
  });

  test('tells of parameters, and of the headers that a route obeys and answers', () => {
    const { get, post } = document.paths['/api/v1/things'];
    expect(get.parameters).toEqual([
      {
        name: 'page',
        in: 'query',
        required: false,
        description: 'From 1.',
        schema: expect.objectContaining({ type: 'integer', minimum: 1, default: 1, format: 'int64' }),
      },
      { name: 'status', in: 'query', required: true, schema: { type: 'string' } },
      { $ref: '#/components/parameters/Tasktrail-Position' },
    ]);
    expect(Object.keys(post.responses['201'].headers)).toEqual([
      ...['X-Request-ID', 'Tasktrail-Operation', 'Idempotent-Replayed', 'Location', 'Preference-Applied'],
      ...['X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset'],
    ]);
    const { patch } = document.paths['/api/v1/things/{thing_id}'];
    expect(patch.parameters[0]).toEqual({ name: 'thing_id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } });
    expect(Object.keys(get.responses['200'].content)).toEqual(['application/json', 'text/csv']);
  });

  test('tells every way in which a route may refuse', () => {
    const told = (path: string, method: string) =>
      Object.fromEntries(
        Object.entries<{ 'x-codes'?: string[] }>(document.paths[path][method].responses).flatMap(([status, { 'x-codes': codes }]) =>
          codes ? [[status, codes]] : [],
        ),
      );
    expect(told('/api/v1/things/{thing_id}', 'patch')).toMatchObject({
      400: ['MALFORMED_JSON', 'MALFORMED_REQUEST'],
      401: ['NOT_AUTHENTICATED', 'SESSION_ENDED', 'TOKEN_EXPIRED', 'TOKEN_INVALID'],
      403: ['FORBIDDEN', 'INSUFFICIENT_SCOPE'],
      404: ['TASK_NOT_FOUND'],
      412: ['REVISION_MISMATCH'],
      422: ['VALIDATION_FAILED'],
      503: expect.arrayContaining(['DEPENDENCY_UNAVAILABLE']),
    });
    expect(told('/api/v1/things', 'get')).toMatchObject({
      403: ['ADMIN_ONLY', 'INSUFFICIENT_SCOPE'],
      422: ['INVALID_CURSOR', 'VALIDATION_FAILED'],
    });
    expect(Object.keys(told('/alive', 'get'))).not.toContain('401');
  });

  test('says what a token needs', () => {
    expect(document.security).toEqual([{ session: [] }, { personal_access_token: [] }]);
    expect(document.paths['/api/v1/things'].post.security).toEqual([{ session: [] }, { personal_access_token: ['tasks:write'] }]);
    expect(document.paths['/api/v1/things'].get.security).toEqual([{ session: [] }, { personal_access_token: ['tasks:read', 'admin'] }]);
    expect(document.paths['/alive'].get.security).toEqual([]);
  });
});

describe('the pages', () => {
  const linksIn = (html: string) => [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);

  test.each(['/', '/docs', '/redoc'])('%s is there, and all it is made of comes from here', async (path) => {
    const page = await served.ask('GET', path, { headers: { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toContain("script-src 'self'");
    const parts = linksIn(page.text).filter((link) => /\.(?:js|css|png)$/.test(link));
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) {
      expect(part).toMatch(/^\//);
      const { status, text } = await served.ask('GET', part);
      expect([part, status, text.length > 50]).toEqual([part, 200, true]);
    }
  });

  test('link the documents', async () => {
    expect(linksIn((await served.ask('GET', '/')).text)).toEqual(expect.arrayContaining(['/docs', '/redoc', '/openapi.json']));
  });

  test('ask no other host for anything by themselves', async () => {
    expect((await served.ask('GET', '/redoc/redoc.standalone.js')).text).not.toContain('cdn.redoc.ly');
  });

  test.each(['docs', 'redoc'])('/api/v1/%s leads to them', async (name) => {
    expect(await served.ask('GET', `/api/v1/${name}`)).toMatchObject({ status: 302, headers: { location: `/${name}` } });
  });

  test('name an icon, which is also where browsers look for one', async () => {
    const { status, headers, bytes } = await served.ask('GET', '/favicon.ico');
    expect([status, headers['content-type'], bytes.subarray(1, 4).toString()]).toEqual([200, 'image/png', 'PNG']);
  });

  test('are not sent again to who has them', async () => {
    const first = await served.ask('GET', '/docs/swagger-ui.css');
    const again = await served.ask('GET', '/docs/swagger-ui.css', { headers: { 'If-None-Match': String(first.headers.etag) } });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  test('open with whatever a link to them carries', async () => {
    expect((await served.ask('GET', '/?utm_source=mail')).status).toBe(200);
  });
});

describe('what never changes', () => {
  const large = ['/openapi.json', '/asyncapi.json', '/docs/swagger-ui-bundle.js', '/redoc/redoc.standalone.js', '/docs/swagger-ui.css'];

  test('is compressed once for each coding, however many ask for it', async () => {
    const compressed: string[] = [];
    const compress: Compress = async (bytes, coding) => {
      compressed.push(`${coding} ${bytes.length}`);
      return coding === 'br' ? brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } }) : gzipSync(bytes);
    };
    const counted = await serving(documentRoutes(routes, { version: '1.2.3' }, compress));
    const plain = await Promise.all(large.map((path) => counted.ask('GET', path)));
    const decode = { br: brotliDecompressSync, gzip: gunzipSync };
    for (const [accept, coding] of [
      ['gzip, deflate, br', 'br'],
      ['gzip', 'gzip'],
      ['br;q=0.1, gzip', 'gzip'],
    ] as const) {
      const headers = { 'Accept-Encoding': accept };
      const answers = await Promise.all(large.flatMap((path) => Array.from({ length: 30 }, () => counted.ask('GET', path, { headers }))));
      answers.forEach((answer, index) => {
        const original = plain[Math.floor(index / 30)]!;
        expect([answer.status, answer.headers['content-encoding'], answer.headers.vary]).toEqual([
          200,
          coding,
          expect.stringContaining('Accept-Encoding'),
        ]);
        expect(answer.headers.etag).not.toBe(original.headers.etag);
        if (index % 30 === 0) expect(decode[coding](answer.bytes).equals(original.bytes)).toBe(true);
      });
    }
    expect(compressed).toHaveLength(new Set(compressed).size);
    expect(compressed).toHaveLength(2 * large.length);
    await counted.stop();
  });

  test.each([...large, '/', '/favicon.ico'])('is 304 to who has any variant of it: %s', async (path) => {
    for (const accept of ['identity', 'gzip', 'br']) {
      const first = await served.ask('GET', path, { headers: { 'Accept-Encoding': accept } });
      expect([first.status, first.headers.etag]).toEqual([200, expect.stringMatching(/^"[\w-]+"$/)]);
      const etag = String(first.headers.etag);
      const again = await served.ask('GET', path, { headers: { 'If-None-Match': etag } });
      expect([again.status, again.text, again.headers.etag]).toEqual([304, '', etag]);
      expect((await served.ask('GET', path, { headers: { 'If-None-Match': '"other"' } })).status).toBe(200);
    }
  });
});
