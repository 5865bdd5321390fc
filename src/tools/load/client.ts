import { type Connection, openConnection } from './connection.ts';

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

/** As many connections as there are requests at once. @param base the service's address, on this machine */
export function createApiClient(base: URL): ApiClient {
  // The resolver is not asked: what is called localhost is this machine.
  const host = base.hostname === 'localhost' ? '127.0.0.1' : base.hostname.replace(/^\[|\]$/g, '');
  const open = new Set<Connection>();
  const idle: Connection[] = [];

  async function connection(): Promise<Connection> {
    const opened = await openConnection(Number(base.port || 80), host);
    open.add(opened);
    return opened;
  }

  function forget(broken: Connection): void {
    open.delete(broken);
    const at = idle.indexOf(broken);
    if (at >= 0) idle.splice(at, 1);
  }

  return {
    async ask(method, path, token, body) {
      const through = idle.pop() ?? (await connection());
      const answer = await new Promise<string>((resolve, reject) => {
        through.onFailure((error) => {
          forget(through);
          reject(error);
        });
        through.ask(requestText(base.host, method, path, token, body), resolve);
      });
      idle.push(through);
      return { status: Number(answer.slice(9, 12)), body: bodyOf(answer) };
    },
    close() {
      for (const connection of open) connection.end();
    },
  };
}

export function requestText(host: string, method: string, path: string, token: string | null, body?: unknown): string {
  const authorization = token === null ? '' : `authorization: Bearer ${token}\r\n`;
  const head = `${method} /api/v1${path} HTTP/1.1\r\nhost: ${host}\r\n${authorization}`;
  if (body === undefined) return `${head}\r\n`;
  const payload = JSON.stringify(body);
  return `${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`;
}

/** Undefined when there is none in the answer, or none that is JSON. */
export function bodyOf(answer: string): unknown {
  const bytes = Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
