import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { asyncApiDocument } from '../asyncapi/document.ts';
import { matchesEtag } from '../etag.ts';
import { openApiDocument } from '../openapi/document.ts';
import { type Answer, JsonText, type Route, route } from '../route.ts';

const require = createRequire(import.meta.url);

/** Everything comes from here, and nothing is fetched from elsewhere. The viewers write styles into the page, and ReDoc searches in a worker. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "connect-src 'self'",
  'worker-src blob:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const html = 'text/html; charset=utf-8';
const css = 'text/css; charset=utf-8';
const script = 'text/javascript; charset=utf-8';

/** The documents of the routes: for programs, and as pages for people. */
export function documentRoutes(routes: readonly Route[], about: { version: string }): Route[] {
  const asyncApi = documentOf('/asyncapi.json', 'The events: what they hold, and how they are had', () => asyncApiDocument(about));
  const openApi: Route = documentOf('/openapi.json', 'This document', () => openApiDocument([...routes, openApi, asyncApi], about));
  return [openApi, asyncApi, ...pages(), redirect('/docs'), redirect('/redoc')];
}

/** A document that is made when it is first asked for. */
function documentOf(path: string, summary: string, make: () => unknown): Route {
  let document: JsonText | undefined;
  return route({
    method: 'get',
    root: true,
    path,
    tag: 'Operations',
    summary,
    needs: 'open',
    answers: { 200: z.record(z.string(), z.unknown()) },
    rejects: [],
    handle() {
      document ??= new JsonText(JSON.stringify(make()));
      return { status: 200, body: document };
    },
  });
}

function pages(): Route[] {
  return [
    file('/', html, ownFile('home.html')),
    file('/docs', html, ownFile('docs.html')),
    file('/redoc', html, ownFile('redoc.html')),
    file('/verify', html, ownFile('verify.html')),
    file('/password-reset', html, ownFile('password-reset.html')),
    file('/unsubscribe', html, ownFile('unsubscribe.html')),
    file('/pages/mailed-link.js', script, ownFile('mailed-link.js')),
    file('/pages/page.css', css, ownFile('page.css')),
    file('/pages/docs.js', script, ownFile('docs.js')),
    file('/pages/redoc.js', script, ownFile('redoc.js')),
    file('/docs/swagger-ui.css', css, require.resolve('swagger-ui-dist/swagger-ui.css')),
    file('/docs/swagger-ui-bundle.js', script, require.resolve('swagger-ui-dist/swagger-ui-bundle.js')),
    file('/docs/favicon-32x32.png', 'image/png', require.resolve('swagger-ui-dist/favicon-32x32.png')),
    file('/redoc/redoc.standalone.js', script, vendored('redoc/redoc.standalone.js'), withoutLogo),
  ];
}

function ownFile(name: string): string {
  return fileURLToPath(new URL(`../pages/${name}`, import.meta.url));
}

/** A viewer's bundle whose package would bring all that it is built from. */
function vendored(name: string): string {
  return fileURLToPath(new URL(`../../../vendor/${name}`, import.meta.url));
}

const unlisted = { method: 'get', tag: 'Documents', needs: 'open', rejects: [], undocumented: true } as const;

/** ReDoc would fetch its maker's logo from elsewhere. */
function withoutLogo(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString().replace('https://cdn.redoc.ly/redoc/logo-mini.svg', 'data:,'));
}

/** A file, read when it is first asked for. */
function file(path: string, contentType: string, name: string, edited = (bytes: Buffer) => bytes): Route {
  let known: Promise<{ bytes: Buffer; headers: Record<string, string> }> | undefined;
  return route({
    ...unlisted,
    root: true,
    path,
    summary: path,
    answers: { 200: { contentTypes: [contentType] }, 304: null },
    async handle({ request }): Promise<Answer> {
      known ??= readFile(name)
        .then(edited)
        .then((bytes) => ({ bytes, headers: headersOf(bytes) }));
      const { bytes, headers } = await known;
      if (matchesEtag(request.header('if-none-match'), headers.ETag!)) return { status: 304, headers };
      return { status: 200, headers, content: { contentType, content: bytes } };
    },
  });
}

function headersOf(bytes: Buffer): Record<string, string> {
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 16);
  return { ETag: `"${digest}"`, 'Cache-Control': 'public, max-age=300', 'Content-Security-Policy': pagePolicy };
}

function redirect(path: string): Route {
  const answer: Answer = { status: 302, headers: { Location: path } };
  return route({ ...unlisted, path, summary: path, answers: { 302: null }, handle: () => answer });
}
