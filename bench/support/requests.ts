/** What is asked. */
export interface Work {
  method: string;
  /** Taken in turn, when there are several. */
  paths: readonly string[];
  headers: Record<string, string>;
  /** Taken in turn, each for one round of the paths: what may be done to a thing once is done to all, then the next. */
  bodies?: readonly string[];
  /** A header that is another one in every request. */
  unique?: string;
  /** Ends when each path was asked once. */
  once?: boolean;
}

/** @returns what gives the text of one request after the other, and undefined when there is none any more */
export function createRequests({ method, paths, headers, bodies = [], unique, once = false }: Work): () => string | undefined {
  const lines = Object.entries({ host: '127.0.0.1', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const starts = paths.map((path) => `${method} ${path} HTTP/1.1\r\n${lines.join('')}`);
  const ends = bodies.map((body) => `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  const run = `${process.pid}-${Date.now()}`;
  let count = 0;
  return () => {
    const nth = count++;
    if (once && nth >= paths.length) return undefined;
    const start = starts[nth % starts.length]!;
    const end = ends.length === 0 ? '\r\n' : ends[Math.floor(nth / starts.length) % ends.length]!;
    return unique === undefined ? start + end : `${start}${unique}: ${run}-${nth}\r\n${end}`;
  };
}
