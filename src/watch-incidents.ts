import type { TaskStreams } from './commands/task-streams.ts';
import type { EventStore, Incidents } from './events/store/event-store.ts';
import { taskStream } from './events/task/task-events.ts';
import type { Logger } from './platform/logging.ts';

const CHECK_INTERVAL_MS = 60_000;

export interface IncidentWatch {
  /** What others did in the event store, up to now. @throws StoreUnavailable */
  look(): Promise<Incidents>;
  close(): Promise<void>;
}

/** Looks once a minute for streams that were deleted or cut short in the event store: what this process remembers of them is forgotten. */
export function watchIncidents(store: EventStore, streams: Pick<TaskStreams, 'forget'>, log: Logger): IncidentWatch {
  const prefix = taskStream('');
  const look = async () => {
    const incidents = await store.incidents();
    for (const { stream } of incidents.missingStreams) if (stream.startsWith(prefix)) streams.forget(stream.slice(prefix.length));
    return incidents;
  };
  const check = () => look().catch((error: unknown) => log.debug({ error }, 'the event store could not be searched for deleted streams'));
  let checking: Promise<unknown> = check();
  const timer = setInterval(() => {
    checking = check();
  }, CHECK_INTERVAL_MS);
  return {
    look,
    async close() {
      clearInterval(timer);
      await checking;
    },
  };
}
