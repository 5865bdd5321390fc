import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { asyncApiDocument } from '../asyncapi/document.ts';
import { type Compress, ConstantContent } from '../constant-content.ts';
import { type About, openApiDocument } from '../openapi/document.ts';
import { type Answer, type Route, route } from '../route.ts';

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

const json = 'application/json; charset=utf-8';
const png = 'image/png';
const html = 'text/html; charset=utf-8';
const css = 'text/css; charset=utf-8';
const script = 'text/javascript; charset=utf-8';

/**
 * The documents of the routes: for programs, and as pages for people.
 * @param compress what compresses each of them once, as usual when left out
 */
export function documentRoutes(routes: readonly Route[], about: About, compress?: Compress): Route[] {
  const asyncApi = documentOf(
    '/asyncapi.json',
    'The events: what they hold, and how they are had',
    () => asyncApiDocument(about),
    compress,
  );
  const make = () => openApiDocument([...routes, openApi, asyncApi], about);
  const openApi: Route = documentOf('/openapi.json', 'This document', make, compress);
  const files = pages.map((page) => file(page, compress));
  return [openApi, asyncApi, ...files, redirect('/docs'), redirect('/redoc')];
}

/** A document that is made when it is first asked for. */
function documentOf(path: string, summary: string, make: () => unknown, compress?: Compress): Route {
  let document: ConstantContent | undefined;
  return route({
    method: 'get',
    root: true,
    path,
    tag: 'Operations',
    summary,
    needs: 'open',
    obeys: ['If-None-Match'],
    gives: ['ETag'],
    answers: { 200: z.record(z.string(), z.unknown()), 304: null },
    rejects: [],
    handle({ request }) {
      document ??= new ConstantContent(json, Buffer.from(JSON.stringify(make())), compress);
      return document.answer(request);
    },
  });
}

function ownFile(name: string): string {
  return fileURLToPath(new URL(`../pages/${name}`, import.meta.url));
}

/** A viewer's bundle whose package would bring all that it is built from. */
function vendored(name: string): string {
  return fileURLToPath(new URL(`../../../vendor/${name}`, import.meta.url));
}

interface Page {
  path: string;
  contentType: string;
  /** The path of the file. */
  name: string;
  edited?: (bytes: Buffer) => Buffer;
}

const swaggerIcon = require.resolve('swagger-ui-dist/favicon-32x32.png');

const pages: readonly Page[] = [
  { path: '/', contentType: html, name: ownFile('home.html') },
  { path: '/docs', contentType: html, name: ownFile('docs.html') },
  { path: '/redoc', contentType: html, name: ownFile('redoc.html') },
  { path: '/verify', contentType: html, name: ownFile('verify.html') },
  { path: '/password-reset', contentType: html, name: ownFile('password-reset.html') },
  { path: '/unsubscribe', contentType: html, name: ownFile('unsubscribe.html') },
  { path: '/pages/mailed-link.js', contentType: script, name: ownFile('mailed-link.js') },
  { path: '/pages/page.css', contentType: css, name: ownFile('page.css') },
  { path: '/pages/docs.js', contentType: script, name: ownFile('docs.js') },
  { path: '/pages/redoc.js', contentType: script, name: ownFile('redoc.js') },
  { path: '/docs/swagger-ui.css', contentType: css, name: require.resolve('swagger-ui-dist/swagger-ui.css') },
  { path: '/docs/swagger-ui-bundle.js', contentType: script, name: require.resolve('swagger-ui-dist/swagger-ui-bundle.js') },
  { path: '/docs/favicon-32x32.png', contentType: png, name: swaggerIcon },
  // Browsers ask for it where a page names no icon.
  { path: '/favicon.ico', contentType: png, name: swaggerIcon },
  {
    path: '/redoc/redoc.standalone.js',
    contentType: script,
    name: vendored('redoc/redoc.standalone.js'),
    edited: withoutLogo,
  },
];

const unlisted = { method: 'get', tag: 'Documents', needs: 'open', rejects: [], undocumented: true } as const;

/** ReDoc would fetch its maker's logo from elsewhere. */
function withoutLogo(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString().replace('https://cdn.redoc.ly/redoc/logo-mini.svg', 'data:,'));
}

const pageHeaders = { 'Cache-Control': 'public, max-age=300', 'Content-Security-Policy': pagePolicy };

/** A file, read when it is first asked for. */
function file({ path, contentType, name, edited = (bytes) => bytes }: Page, compress?: Compress): Route {
  let known: Promise<ConstantContent> | undefined;
  return route({
    ...unlisted,
    root: true,
    path,
    summary: path,
    answers: { 200: { contentTypes: [contentType] }, 304: null },
    async handle({ request }): Promise<Answer> {
      known ??= readFile(name).then((bytes) => new ConstantContent(contentType, edited(bytes), compress));
      return (await known).answer(request, pageHeaders);
    },
  });
}

function redirect(path: string): Route {
  const answer: Answer = { status: 302, headers: { Location: path } };
  return route({ ...unlisted, path, summary: path, answers: { 302: null }, handle: () => answer });
}
