/** Which of the server's streams are this store's, and what they are called there. */
export interface Names {
  /** What the store's streams begin with there, and not here. */
  namespace: string;
  /** What a stream there must begin with to be seen in the global order. */
  prefixes: string[];
  /** Holds the identity of the log; not seen in the global order. */
  logStream: string;
}

/** @param namespace lets several services share a server; without one, tasks and users are the store's streams. */
export function namesIn(namespace: string): Names {
  const logStream = namespace === '' ? 'tasktrail-log' : `tasktrail-log:${namespace}`;
  return { namespace, prefixes: namespace === '' ? ['task-', 'user-'] : [namespace], logStream };
}

export function isOurs(stream: string, { prefixes }: Names): boolean {
  return prefixes.some((prefix) => stream.startsWith(prefix));
}
