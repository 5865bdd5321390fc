import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createExternalCall } from '../../../src/platform/external.ts';
import { openS3Storage } from '../../../src/platform/files/s3-storage.ts';
import { createOtlpTracing } from '../../../src/platform/otlp-tracing.ts';
import { createGuardedPost } from '../../../src/platform/outbound/guarded-post.ts';

/** Where requests go whose server redirects them, by what sends them. */
export interface Redirected {
  /** How many the redirecting server was sent: each of the senders has sent one at least. */
  senders: string[];
  /** What was sent on to where they were redirected. */
  followed: string[];
  /** Whether a webhook is sent in the clear where https is required. */
  isSentInTheClear: boolean;
}

async function listen(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const senderOf = (path = '') => path.split(/[/?]/)[1]!;
const [senders, followed] = [new Set<string>(), new Set<string>()];
const inside = await listen((request, response) => {
  followed.add(senderOf(request.url));
  request.resume().on('end', () => response.end('secret'));
});
const redirecting = await listen((request, response) => {
  senders.add(senderOf(request.url));
  const answer = () => response.writeHead(307, { location: `${inside.url}${request.url}` }).end();
  request.resume().on('end', answer);
});
const ignored = () => {};
const signal = new AbortController().signal;

await createExternalCall(`${redirecting.url}/external`)(signal).catch(ignored);

const post = { url: `${redirecting.url}/webhook`, headers: {}, body: Buffer.from('{}'), within: 2_000 };
await createGuardedPost({ allowPrivate: true }).post(post, signal).catch(ignored);
const inTheClear = createGuardedPost({ allowPrivate: true, requireHttps: true }).post({ ...post, url: `${redirecting.url}/clear` }, signal);
const isSentInTheClear = await inTheClear.then(
  () => true,
  () => false,
);
senders.delete('clear');

const access = { bucket: 's3', region: 'us-east-1', endpoint: redirecting.url, accessKeyId: 'key', secretAccessKey: 'secret' };
const storage = openS3Storage(access);
await storage.check().catch(ignored);
await storage
  .read('00000000-0000-4000-8000-000000000000')
  .then((body) => body.resume())
  .catch(ignored);
await storage.close();

const settings = { serviceName: 'tests', serviceVersion: '1', log: ignored };
const tracing = createOtlpTracing({ ...settings, endpoint: `${redirecting.url}/traces` });
const operation = { id: '00000000-0000-4000-8000-000000000000', traceparent: undefined, tracestate: undefined };
await tracing.operation(operation, 'one', async () => {});
await tracing.close();

for (const { server } of [inside, redirecting]) {
  server.closeAllConnections();
  server.close();
}
const redirected: Redirected = { senders: [...senders].sort(), followed: [...followed].sort(), isSentInTheClear };
console.log(JSON.stringify(redirected));
