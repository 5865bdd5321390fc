import { type CandidateEvent, isOwnEvent, isOwnStream, STREAM_PREFIXES } from '../../own-events.ts';

/** Which of the server's streams are this store's, and what they are called there. */
export interface Names {
  /** What the store's streams begin with there, and not here. */
  namespace: string;
  /** What a stream there must begin with to be looked at at all: the server leaves out all others. */
  prefixes: string[];
  /** Holds the identity of the log; not seen in the global order. */
  logStream: string;
  /** Whether a stream there may hold events of this store, by its whole name. */
  isStream(stream: string): boolean;
  /** Whether an event there, with the stream's name there, is of this store. */
  isOwn(event: CandidateEvent): boolean;
}

/** The names of the service: tasks and users are the store's streams, and the server may hold anybody's events beside them, and in them. */
export const serviceNames: Names = {
  namespace: '',
  prefixes: [...STREAM_PREFIXES],
  logStream: 'tasktrail-log',
  isStream: isOwnStream,
  isOwn: isOwnEvent,
};

/** The names of a store that has every stream below a namespace to itself, whatever is in it: several of them share a server. */
export function namesIn(namespace: string): Names {
  const prefixes = namespace === '' ? [...STREAM_PREFIXES] : [namespace];
  const isStream = (stream: string) => prefixes.some((prefix) => stream.startsWith(prefix));
  const logStream = namespace === '' ? 'tasktrail-log' : `tasktrail-log:${namespace}`;
  return { namespace, prefixes, logStream, isStream, isOwn: ({ stream, type }) => !type.startsWith('$') && isStream(stream) };
}
