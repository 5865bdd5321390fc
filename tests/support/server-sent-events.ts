/** One event of a stream as it came. */
export interface Sent {
  id: string | undefined;
  event: string;
  // biome-ignore lint/suspicious/noExplicitAny: the data of tests is looked into freely
  data: any;
}

export interface SentEvents {
  status: number;
  headers: Headers;
  /** All that came so far. */
  all: Sent[];
  /** Lines that are comments. */
  comments: string[];
  /** Resolves with the first one, of those there are or to come, that is so. @throws when it does not come in time, or the stream ends */
  until(is: (sent: Sent) => boolean, milliseconds?: number): Promise<Sent>;
  /** Resolves when the stream has ended, with the milliseconds since it was asked. @throws when it does not in time */
  ended(milliseconds?: number): Promise<number>;
  close(): void;
}

/** Opens a stream of server-sent events. An answer that is none has a status and no events. */
export async function openStream(url: string, token: string, headers: Record<string, string> = {}): Promise<SentEvents> {
  const leaving = new AbortController();
  const response = await fetch(url, {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${token}`, ...headers },
    signal: leaving.signal,
  });
  const all: Sent[] = [];
  const comments: string[] = [];
  const listeners = new Set<() => void>();
  let isOver = false;
  const read = async () => {
    let text = '';
    for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const parts = text.split('\n\n');
      text = parts.pop()!;
      for (const part of parts) {
        if (part.startsWith(':')) comments.push(part);
        else all.push(parsed(part));
      }
      for (const listener of listeners) listener();
    }
  };
  void read()
    .catch(() => {})
    .finally(() => {
      isOver = true;
      for (const listener of listeners) listener();
    });

  /** @returns what it finds @throws when it does not find it in time */
  const eventually = <T>(find: () => T | undefined, milliseconds: number, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = () => {
        const found = find();
        if (found === undefined && !isOver) return;
        done();
        if (found === undefined) reject(new Error(`${what}: the stream ended`));
        else resolve(found);
      };
      const timer = setTimeout(() => {
        done();
        reject(new Error(`${what}: not within ${milliseconds} ms`));
      }, milliseconds);
      const done = () => {
        clearTimeout(timer);
        listeners.delete(look);
      };
      listeners.add(look);
      look();
    });

  return {
    status: response.status,
    headers: response.headers,
    all,
    comments,
    until: (is, milliseconds = 10_000) => eventually(() => all.find(is), milliseconds, 'an event'),
    async ended(milliseconds = 10_000) {
      const since = performance.now();
      await eventually(() => (isOver ? true : undefined), milliseconds, 'the end');
      return performance.now() - since;
    },
    close: () => leaving.abort(),
  };
}

function parsed(text: string): Sent {
  const fields = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
  return { id: fields.get('id'), event: fields.get('event')!, data: JSON.parse(fields.get('data')!) };
}
