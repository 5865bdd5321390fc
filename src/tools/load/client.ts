import { Agent, request } from 'node:http';

export interface Reply {
  status: number;
  // Of an answer that is known by the request.
  // biome-ignore lint/suspicious/noExplicitAny: whoever asked knows what was asked for
  body: any;
}

/** Asks the API, over connections that stay open. Paths are below /api/v1. */
export interface ApiClient {
  /** @throws Error when there is no answer within the time that is waited */
  ask(method: string, path: string, token: string | null, body?: unknown): Promise<Reply>;
  close(): void;
}

const WAIT_MS = 30_000;

/** @param base the service's address, on this machine */
export function createApiClient(base: URL, connections: number): ApiClient {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  // The resolver is not asked: what is called localhost is this machine.
  const host = base.hostname === 'localhost' ? '127.0.0.1' : base.hostname.replace(/^\[|\]$/g, '');
  return {
    ask: (method, path, token, body) =>
      new Promise((resolve, reject) => {
        const payload = body === undefined ? undefined : JSON.stringify(body);
        const headers = {
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(payload !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
        };
        const sent = request(
          { agent, host, port: base.port || 80, method, path: `/api/v1${path}`, headers, timeout: WAIT_MS },
          (response) => {
            let text = '';
            response.setEncoding('utf8');
            response.on('data', (piece: string) => {
              text += piece;
            });
            response.on('error', reject);
            response.on('end', () => resolve({ status: response.statusCode!, body: parsed(text) }));
          },
        );
        sent.on('timeout', () => sent.destroy(new Error(`no answer within ${WAIT_MS / 1000} s`)));
        sent.on('error', reject);
        sent.end(payload);
      }),
    close: () => agent.destroy(),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
