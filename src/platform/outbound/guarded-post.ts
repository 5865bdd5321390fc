import http from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.ts';
import { type Resolve, resolveAsUsual, resolveInDns } from './resolve.ts';

/** What the other side answered. Its body is nobody's concern. */
export interface PostAnswer {
  status: number;
  /** The header, as it came. */
  retryAfter: string | undefined;
}

/** Why there is no answer. `forbidden`: it would have led to where nothing is to be sent. The message is for whoever gave the address. */
export class PostFailure extends Error {
  override name = 'PostFailure';
  readonly kind: 'forbidden' | 'timeout' | 'failed';
  constructor(kind: PostFailure['kind'], message: string) {
    super(message);
    this.kind = kind;
  }
}

export interface Post {
  url: string;
  headers: Readonly<Record<string, string>>;
  body: Buffer;
  /** Milliseconds for all of it, up to the head of the answer. */
  within: number;
}

/** Calls addresses that strangers gave. Redirects are answers like any other, and no proxy is asked. */
export interface GuardedPost {
  /**
   * Looks at an address before anything is to be sent there. A name that has no address just now is let pass, one that cannot be looked up
   * in time is not. @throws PostFailure
   */
  check(url: string): Promise<void>;
  /** @throws PostFailure; and the reason of the signal when that aborts */
  post(post: Post, signal: AbortSignal): Promise<PostAnswer>;
}

export interface GuardedPostOptions {
  /** Whether all that is reached from here may be called, this machine and its network included. */
  allowPrivate: boolean;
  /** Whether nothing is sent in the clear. */
  requireHttps?: boolean;
  resolve?: Resolve;
  /** Milliseconds that a name is waited for when its address is looked at. */
  checkWithin?: number;
}

// Milliseconds.
/** What comes behind the head of an answer is taken in for so long, so that the other side is not cut short, and no more of it than this. */
const DRAIN_WITHIN = 1_000;
const DRAIN_BYTES = 65_536;

export function createGuardedPost({
  allowPrivate,
  requireHttps = false,
  resolve = allowPrivate ? resolveAsUsual : resolveInDns,
  checkWithin = 3_000,
}: GuardedPostOptions): GuardedPost {
  // Agents of our own: those of the process may have been told of a proxy. No connection outlives its request.
  const agents = { 'http:': new http.Agent({ keepAlive: false }), 'https:': new https.Agent({ keepAlive: false }) };

  /** Every address of the name must be allowed, and the very ones that were looked at are dialled. */
  const addressesOf = async (hostname: string) => {
    const addresses = await resolve(hostname);
    if (!allowPrivate && !addresses.every(isPublicAddress)) throw forbidden('the name leads to an address that is not public');
    return addresses.map((address) => ({ address, family: isIP(address) }));
  };

  const lookup: LookupFunction = (hostname, { all }, done) => {
    addressesOf(hostname).then(
      (found) => (all ? done(null, found) : done(null, found[0]!.address, found[0]!.family)),
      (error) => done(error, ''),
    );
  };

  const allowed = (text: string): URL => {
    const url = parsed(text);
    if (requireHttps && url.protocol !== 'https:') throw forbidden('only https is called: what is sent would travel in the clear');
    if (!allowPrivate) requirePublic(url);
    return url;
  };

  return {
    async check(text) {
      const hostname = hostOf(allowed(text));
      if (allowPrivate || isIP(hostname)) return;
      const waited = AbortSignal.timeout(checkWithin);
      const tooLate = new Promise<void>((_, refuse) => {
        const late = () => refuse(forbidden(`the name could not be looked up within ${checkWithin / 1000} s`));
        waited.addEventListener('abort', late, { once: true });
      });
      tooLate.catch(() => {});
      const looked = addressesOf(hostname).catch((error) => {
        if (error instanceof PostFailure) throw error;
      });
      await Promise.race([looked, tooLate]);
    },
    async post({ url: text, headers, body, within }, signal) {
      const url = allowed(text);
      const timeout = AbortSignal.timeout(within);
      const { request } = url.protocol === 'https:' ? https : http;
      const call = request(url, {
        method: 'POST',
        headers: { ...headers, 'content-length': body.length },
        agent: agents[url.protocol as keyof typeof agents],
        lookup,
        signal: AbortSignal.any([signal, timeout]),
      });
      try {
        return await answerTo(call, body);
      } catch (error) {
        signal.throwIfAborted();
        if (timeout.aborted) throw new PostFailure('timeout', `no answer within ${within / 1000} s`);
        throw error instanceof PostFailure ? error : new PostFailure('failed', reason(error));
      }
    },
  };
}

function answerTo(call: http.ClientRequest, body: Buffer): Promise<PostAnswer> {
  return new Promise((resolve, reject) => {
    call.once('response', (response) => {
      drain(response);
      resolve({ status: response.statusCode!, retryAfter: response.headers['retry-after'] });
    });
    // Of a connection that was cut while its answer was drained, too.
    call.on('error', reject);
    call.once('close', () => reject(new PostFailure('failed', 'the connection was closed without an answer')));
    call.end(body);
  });
}

function drain(response: http.IncomingMessage): void {
  let size = 0;
  const cut = setTimeout(() => response.destroy(), DRAIN_WITHIN).unref();
  response.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > DRAIN_BYTES) response.destroy();
  });
  response.on('error', () => {});
  response.once('close', () => clearTimeout(cut));
}

function parsed(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' && url?.protocol !== 'http:') throw forbidden('only http and https are called');
  if (url.username !== '' || url.password !== '') throw forbidden('an address must not carry a name or password');
  return url;
}

function requirePublic(url: URL): void {
  const { port } = url;
  // Below are mail, shells and the like, which are not to be talked to in anybody's words.
  if (port !== '' && port !== '80' && port !== '443' && Number(port) < 1024)
    throw forbidden('of the ports below 1024, only 80 and 443 are called');
  const host = hostOf(url);
  if (isIP(host) ? !isPublicAddress(host) : isLocalName(host)) throw forbidden('the address is not public');
}

/** Without the brackets of an address, and the dot of a name that is whole. Notations of IPv4 are one by now. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function isLocalName(host: string): boolean {
  return !host.includes('.') || /\.(localhost|local|internal|lan|home\.arpa)$/.test(host);
}

function forbidden(message: string): PostFailure {
  return new PostFailure('forbidden', message);
}

/** What failed in the words of the system, which tell nothing of what was sent. */
function reason(error: unknown): string {
  const { code, errors } = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  return `the connection failed: ${code ?? errors?.[0]?.code ?? 'unknown'}`;
}
