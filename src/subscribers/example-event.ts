import type { RecordedEvent } from '../events/recorded-event.ts';
import { taskEvents } from '../events/task/task-events.ts';
import { allEventTypes } from '../events/upcasters.ts';
import { type CloudEvent, cloudEvent } from './cloud-event.ts';
import { eventCatalogue } from './event-catalogue.ts';

const logId = '6f0c2a4e-52c1-4b8e-9a3d-1f1b2c3d4e5f';
const task = '018f3c60-5d21-7b0f-8a44-9e7c3b2d1a00';
const user = '018f3c5e-7a10-7c44-9a51-2f6b8d0e4a01';

/** An event of this type as a client gets it. */
export function exampleEvent(type: RecordedEvent['type']): CloudEvent {
  const isOfTask = type in taskEvents;
  const event = {
    type,
    data: eventCatalogue[type].example,
    stream: isOfTask ? `task-${task}` : `user-${user}`,
    revision: 4,
    position: 1027n,
    redacted: [],
    metadata: {
      event_id: 'b3a1f7c2-6d58-5e90-8f24-7a0c9d1e3b56',
      schema_version: allEventTypes[type].version,
      occurred_at: '2026-02-27T16:20:00.000Z',
      actor: { id: user, kind: 'user' },
      operation_id: '4c9e2b7a-1f36-4d85-a0c7-8e5d3f2b6a91',
      request_id: 'req-7f3a',
      command_id: '0d6b8e4f-3a2c-5b71-9c8d-6e1f4a7b2c30',
      hash: '',
    },
  } as unknown as RecordedEvent;
  const status = type === 'TaskTransitioned' ? 'done' : 'in_progress';
  return cloudEvent(event, {
    logId,
    task: isOfTask ? { title: 'Water the plants', status: type === 'TaskCreated' ? 'todo' : status } : null,
  });
}
