import { connect, type Socket } from 'node:net';

/**
 * A closed loop of HTTP/1.1 requests over kept-alive connections, in a process of its own: each connection sends its next request when
 * the last was answered. It speaks to sockets without an HTTP client in between, so that it costs the machine as little as it can.
 */
export interface Load {
  port: number;
  connections: number;
  seconds: number;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
  /** A header that is to be another one in every request. */
  unique?: string;
}

export interface LoadResult {
  /** Answers by status. */
  statuses: Record<string, number>;
  /** Answers below 400 a second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
}

process.once('message', (load: Load) => {
  run(load).then((result) => process.send!(result, () => process.exit(0)));
});

async function run(load: Load): Promise<LoadResult> {
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  const nextRequest = requests(load);
  const start = performance.now();
  const end = start + load.seconds * 1000;
  const answered = (status: string, milliseconds: number) => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    latencies.push(milliseconds);
  };
  await Promise.all(Array.from({ length: load.connections }, () => drive(load.port, nextRequest, answered, end)));
  const seconds = (performance.now() - start) / 1000;
  latencies.sort((a, b) => a - b);
  const good = Object.entries(statuses).reduce((sum, [status, count]) => sum + (Number(status) < 400 ? count : 0), 0);
  return { statuses, rate: good / seconds, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) };
}

function requests({ port, method, path, headers, body, unique }: Load): () => string {
  const lines = Object.entries({ host: `127.0.0.1:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === undefined ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join('')}${length}`;
  const tail = `\r\n${body ?? ''}`;
  if (unique === undefined) return () => head + tail;
  const run = `${process.pid}-${Date.now()}`;
  let count = 0;
  return () => `${head}${unique}: ${run}-${count++}\r\n${tail}`;
}

function drive(port: number, nextRequest: () => string, answered: (status: string, ms: number) => void, end: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let sentAt = 0;
    let received = '';
    const send = () => {
      sentAt = performance.now();
      if (sentAt >= end) return socket.end(resolve);
      socket.write(nextRequest());
    };
    socket.setEncoding('latin1');
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (chunk: string) => {
      received += chunk;
      const headEnd = received.indexOf('\r\n\r\n');
      if (headEnd < 0) return;
      const length = /\r\ncontent-length: (\d+)/i.exec(received)?.[1] ?? '0';
      if (received.length < headEnd + 4 + Number(length)) return;
      answered(received.slice(9, 12), performance.now() - sentAt);
      received = '';
      send();
    });
  });
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
