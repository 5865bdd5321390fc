import { connect } from 'node:net';

/** A kept-alive connection to a server, with one request under way at most. */
export interface Connection {
  /**
   * @param request the text of it, of HTTP/1.1
   * @param onAnswer is given the whole answer, head and body, each byte a character
   */
  ask(request: string, onAnswer: (answer: string) => void): void;
  /** Told, instead of whoever asked, when the connection breaks, an answer takes too long, or says nothing of its length. */
  onFailure(listener: (error: Error) => void): void;
  end(): void;
}

const WAIT_MS = 30_000;

/** What comes is taken out at once, so that all connections read into the same. */
const shared = Buffer.alloc(64 * 1024);

/**
 * Speaks to the socket itself: an HTTP client takes as much of the machine as the service that is to be measured on it. Rejects when
 * there is no connection to be had.
 */
export function openConnection(port: number, host = '127.0.0.1'): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true, timeout: WAIT_MS, onread: { buffer: shared, callback: onRead } });
    let received = '';
    let waiting: ((answer: string) => void) | undefined;
    let onFailure = reject;
    let ended = false;
    function onRead(bytes: number, buffer: Uint8Array): boolean {
      const chunk = (buffer as Buffer).toString('latin1', 0, bytes);
      received = received === '' ? chunk : received + chunk;
      const length = lengthOf(received);
      if (Number.isNaN(length)) socket.destroy(new Error('an answer does not say how long it is'));
      if (!(received.length >= length)) return true;
      const [answer, then] = [received, waiting];
      received = '';
      waiting = undefined;
      then?.(answer);
      return true;
    }
    socket.on('error', (error) => onFailure(error));
    socket.on('close', () => ended || onFailure(new Error('the server closed the connection')));
    socket.on('timeout', () => waiting && socket.destroy(new Error(`no answer within ${WAIT_MS / 1000} s`)));
    const connection: Connection = {
      ask(request, onAnswer) {
        waiting = onAnswer;
        socket.write(request, 'utf8');
      },
      onFailure(listener) {
        onFailure = listener;
      },
      end() {
        ended = true;
        socket.destroy();
      },
    };
    socket.on('connect', () => resolve(connection));
  });
}

const contentLength = /\r\ncontent-length: (\d+)/i;

/** @returns of the whole answer; infinity while that is not known, no number when it will never be */
function lengthOf(answer: string): number {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd < 0) return Number.POSITIVE_INFINITY;
  const length = contentLength.exec(answer.slice(0, headEnd))?.[1];
  if (length !== undefined) return headEnd + 4 + Number(length);
  // These two have no body, and need not say so.
  return ['204', '304'].includes(answer.slice(9, 12)) ? headEnd + 4 : Number.NaN;
}
