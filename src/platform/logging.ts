import { isNativeError } from 'node:util/types';
import pino from 'pino';
import pretty from 'pino-pretty';

/** One line a call. Facts are for programs, the message for people; neither holds a secret, but for `once`. */
export interface Logger {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  /** With what was thrown as `error`: its type, message, code and stack are shown, and nothing else that it may carry. */
  error(facts: object, message: string): void;
  /** What is told this one time, and never again: no level hides it, and it is written at once. */
  once(facts: object, message: string): void;
  /** The same log, each line under another name. */
  named(name: string): Logger;
}

export interface Log extends Logger {
  /** Writes out what is still held back. */
  flush(): void;
}

export interface LogSettings {
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';
  /** `pretty` for people. */
  format: 'json' | 'pretty';
}

/** Where lines go, each ended by a line feed. */
export interface LogDestination {
  write(line: string): void;
}

/** @param destination standard output, written behind the caller's back a few milliseconds later, when left out */
export function createLog({ level, format }: LogSettings, destination?: LogDestination): Log {
  const { stream, flush } = destination ? { stream: destination, flush: () => {} } : standardOutput(format);
  const logger = pino(
    {
      level,
      messageKey: 'message',
      errorKey: 'error',
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: createClock(),
      serializers: { error: describeError },
    },
    stream,
  );
  return { ...named(logger, 'tasktrail', flush), flush };
}

function named(parent: pino.Logger, name: string, flush: () => void): Logger {
  const logger = parent.child({ logger: name });
  return {
    debug: logger.debug.bind(logger),
    info: logger.info.bind(logger),
    warn: logger.warn.bind(logger),
    error: logger.error.bind(logger),
    once(facts, message) {
      logger.child({}, { level: 'warn' }).warn(facts, message);
      flush();
    },
    named: (other) => named(parent, other, flush),
  };
}

function standardOutput(format: LogSettings['format']): { stream: LogDestination; flush: () => void } {
  if (format === 'pretty') return { stream: pretty({ messageKey: 'message', timestampKey: 'timestamp', sync: true }), flush: () => {} };
  const stream = pino.destination({ dest: 1, sync: false, minLength: 16_384, maxWrite: 65_536, periodicFlush: 100 });
  return { stream, flush: () => stream.flushSync() };
}

/** The time of a line. Many lines share a millisecond, and its text. */
function createClock(): () => string {
  let at = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"timestamp":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/** A vendor's errors carry statements, values and connection strings: only what names the error is taken. */
function describeError(error: unknown): unknown {
  if (!isNativeError(error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' && { code }),
    stack: error.stack,
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  };
}
