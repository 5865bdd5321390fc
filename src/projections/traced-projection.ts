import type { RecordedEvent } from '../events/recorded-event.ts';
import type { Tracing } from '../platform/tracing.ts';

/** In milliseconds: whoever catches up with history does not trace it again. */
const RECENT = 60_000;

/** Shows in the traces of the operations that events came from when their rows were written. @param since milliseconds since 1970 */
export function traceProjection(tracing: Tracing, model: string, events: readonly RecordedEvent[], since: number): void {
  const now = Date.now();
  const operations = new Map<string, RecordedEvent[]>();
  for (const event of events) {
    const { operation_id, occurred_at } = event.metadata;
    if (now - Date.parse(occurred_at) > RECENT) continue;
    const known = operations.get(operation_id);
    if (known) known.push(event);
    else operations.set(operation_id, [event]);
  }
  for (const [operationId, own] of operations) {
    const attributes = {
      'tasktrail.projection': model,
      'tasktrail.events': own.map(({ type }) => type),
      'tasktrail.position': own.at(-1)!.position.toString(),
      'tasktrail.batch_size': events.length,
    };
    tracing.followed({ name: `project ${model}`, operationId, from: since, to: now, attributes });
  }
}
