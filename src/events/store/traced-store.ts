import type { Tracing } from '../../platform/tracing.ts';
import type { EventMetadata } from '../metadata.ts';
import { type Append, type EventStore, formatPosition } from './event-store.ts';

/** The same store, each append a part of the trace of its command; of its operation, where it is made for one that is over. */
export function traced(store: EventStore, tracing: Tracing): EventStore {
  return {
    ...store,
    append: (append) =>
      tracing.part(
        'append',
        { 'tasktrail.stream': append.stream, 'tasktrail.events': append.events.map(({ type }) => type) },
        async (span) => {
          const appended = await store.append(append);
          span.describe({ 'tasktrail.revision': appended.revision, 'tasktrail.position': formatPosition(appended.position) });
          return appended;
        },
        () => operationOf(append),
      ),
  };
}

function operationOf({ events }: Append): string {
  return (JSON.parse(String(events[0]?.metadata ?? '{}')) as Partial<EventMetadata>).operation_id ?? '';
}
