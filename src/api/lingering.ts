import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Milliseconds for which what still comes of a body is read after its request was answered. */
const LINGER_TIMEOUT_MS = 5_000;
const MAX_LINGERING = 100;

/**
 * Reads and discards what still comes over a connection after the answer, so that a client that writes everything before it reads gets
 * the answer: a connection that is closed while bytes wait in it is reset, and a reset takes the answer with it.
 */
export interface Lingering {
  /**
   * Takes a place for a request whose body has not arrived as a whole.
   * @returns what ends the response, whose head and body are written, when the rest of the body was discarded; undefined when too many
   *   connections linger already, and this one has to be closed with its answer
   */
  take(http: IncomingMessage, response: ServerResponse): (() => void) | undefined;
  /** Closes a connection whose last answer is written. */
  close(socket: Socket): void;
}

export function createLingering(): Lingering {
  let lingering = 0;

  /** @returns what waits until one of the events of a source, or too long, and says which it was */
  function takePlace(): ((source: EventEmitter, events: readonly string[], onOver: (isTooLong: boolean) => void) => void) | undefined {
    if (lingering >= MAX_LINGERING) return undefined;
    lingering++;
    return (source, events, onOver) => {
      const end = (isTooLong: boolean) => {
        clearTimeout(timer);
        for (const event of events) source.off(event, inTime);
        lingering--;
        onOver(isTooLong);
      };
      const inTime = () => end(false);
      const timer = setTimeout(end, LINGER_TIMEOUT_MS, true);
      for (const event of events) source.once(event, inTime);
    };
  }

  return {
    take(http, response) {
      const wait = takePlace();
      return (
        wait &&
        (() => {
          wait(http, ['end', 'close'], (isTooLong) => {
            if (isTooLong) http.socket.destroy();
            else response.end();
          });
          http.resume();
        })
      );
    },
    close(socket) {
      const wait = takePlace();
      if (!wait) return socket.destroySoon();
      // No parser reads these bytes again.
      socket.removeAllListeners('data').end();
      wait(socket, ['end', 'close'], () => socket.destroy());
      socket.resume();
    },
  };
}

/** Whether a request has a body by its headers. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

/** Whether some of the body has not arrived. */
export function isComing(http: IncomingMessage): boolean {
  return hasBody(http) && !http.complete && !http.socket.destroyed;
}
