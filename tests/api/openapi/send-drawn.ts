import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Operation } from './rules.ts';
import type { Drawn } from './valid-requests.ts';

export interface Received {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  /** As it was sent: the path with the query. */
  target: string;
}

/** Sends a drawn request as its operation has it. Of a stream of events only the head is read. */
export function sendDrawn(port: number, { method, path, operation }: Operation, drawn: Drawn, token: string): Promise<Received> {
  const named = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(drawn.path[name])));
  const query = Object.entries(drawn.query).map(([name, value]) => `${encodeURIComponent(name)}=${wired(value)}`);
  const target = query.length === 0 ? named : `${named}?${query.join('&')}`;
  const { headers, body } = encoded(operation.requestBody?.content, drawn.body);
  const own = Object.fromEntries(Object.entries(drawn.header).map(([name, value]) => [name, String(value)]));
  const all = {
    authorization: `Bearer ${token}`,
    ...headers,
    ...own,
    ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, method, path: target, headers: all, agent: false }, (response) => {
      const { statusCode: status = 0, headers: received } = response;
      if (received['content-type']?.startsWith('text/event-stream')) {
        response.destroy();
        resolve({ status, headers: received, text: '', target });
        return;
      }
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status, headers: received, text: Buffer.concat(chunks).toString(), target }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** Lists have commas between their items, which no item contains. */
function wired(value: unknown): string {
  return Array.isArray(value) ? value.map((item) => encodeURIComponent(String(item))).join(',') : encodeURIComponent(String(value));
}

function encoded(content: Record<string, unknown> | undefined, body: unknown): { headers: Record<string, string>; body?: string } {
  if (content?.['multipart/form-data']) {
    const part = 'Content-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: application/octet-stream';
    return { headers: { 'content-type': 'multipart/form-data; boundary=b' }, body: `--b\r\n${part}\r\n\r\ntext\r\n--b--\r\n` };
  }
  return body === undefined ? { headers: {} } : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
