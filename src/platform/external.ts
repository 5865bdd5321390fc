/** What the other side answered, whatever its status. */
export interface ExternalAnswer {
  status: number;
  /** From the call to the end of the body, in milliseconds. */
  elapsedMs: number;
  /** As JSON when it is said to be and is; else as text. */
  body: unknown;
}

/** Why there is no answer. `busy`: as many calls as may be are under way. */
export class ExternalFailure extends Error {
  override name = 'ExternalFailure';
  readonly kind: 'failed' | 'timeout' | 'busy';
  constructor(kind: ExternalFailure['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

export interface ExternalLimits {
  /** Milliseconds for the whole of the answer. */
  timeout: number;
  /** Bytes of the body. */
  size: number;
  /** Calls at the same time. */
  concurrency: number;
}

/** @throws ExternalFailure; and the signal's reason when that aborts */
export type ExternalCall = (signal: AbortSignal) => Promise<ExternalAnswer>;

const usualLimits: ExternalLimits = { timeout: 5_000, size: 1024 * 1024, concurrency: 16 };

/** Calls a service that is not ours, whose address is `http://` or `https://`, and may be slow, large, broken or not there. */
export function createExternalCall(address: string, limits: ExternalLimits = usualLimits): ExternalCall {
  const { url, headers } = request(address);
  let underWay = 0;
  return async (signal) => {
    if (underWay >= limits.concurrency) throw new ExternalFailure('busy', 'Too many calls are under way');
    underWay++;
    const timeout = AbortSignal.timeout(limits.timeout);
    const since = performance.now();
    try {
      const response = await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.any([signal, timeout]) });
      if (isRedirect(response)) {
        await response.body?.cancel();
        throw new ExternalFailure('failed', `The external service redirects (${response.status}), and redirects are not followed`);
      }
      const body = await readBody(response, limits.size);
      return { status: response.status, elapsedMs: Math.round(performance.now() - since), body };
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ExternalFailure) throw error;
      if (timeout.aborted) throw new ExternalFailure('timeout', `No answer within ${limits.timeout} ms`);
      throw new ExternalFailure('failed', 'The external service could not be reached, or broke off', { cause: error });
    } finally {
      underWay--;
    }
  };
}

/** Followed, it would show any client what this machine alone can reach. */
function isRedirect({ status, headers }: Response): boolean {
  return status >= 300 && status < 400 && headers.has('location');
}

/** fetch takes no name and password in an address. */
function request(address: string): { url: URL; headers: Record<string, string> } {
  const url = new URL(address);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64');
  return { url, headers: username === '' && password === '' ? {} : { authorization: `Basic ${credentials}` } };
}

async function readBody(response: Response, most: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    // Leaving the loop ends the connection.
    if (size > most) throw new ExternalFailure('failed', `The answer is larger than ${most} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  return isJson.test(response.headers.get('content-type') ?? '') ? parsed(text) : text;
}

const isJson = /^application\/(?:[\w.-]+\+)?json\b/i;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
