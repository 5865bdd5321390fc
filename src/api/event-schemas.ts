import { z } from 'zod';
import { publicTypes } from '../events/public-type.ts';
import { taskEvents } from '../events/task/task-events.ts';
import { allEventTypes, type EventTypeName } from '../events/upcasters.ts';
import { Id, Status, Title } from '../events/values.ts';
import type { JsonSchema, Schemas } from './openapi/schemas.ts';
import { EventView } from './views/event-view.ts';

// What events look like outside, for both documents.

const names = Object.keys(allEventTypes) as EventTypeName[];

const TaskAsLeft = z
  .strictObject({ id: Id, title: Title.nullable(), status: Status })
  .describe('The task as the event left it; without a title once erased.');
const AccessLost = z
  .strictObject({ task: z.strictObject({ id: Id }) })
  .describe('For whom the event took the access to the task away: its id, and no more.');

/** Those that may take the access of a user away. */
const taking: ReadonlySet<string> = new Set<EventTypeName>([
  ...(['TaskAssigned', 'TaskUnassigned', 'TaskUnshared', 'TaskTransferred', 'TaskDeleted'] as const),
]);

/** The schema of an event of this type. */
export function eventOf(name: EventTypeName): { $ref: string } {
  return { $ref: `#/components/schemas/${name}Event` };
}

/** The schemas that an event of any type is made of, `Event` itself, and all others that were named so far. */
export function eventSchemas(made: Schemas): Record<string, JsonSchema> {
  const data = names.map((name) => [name, made.output(eventDataOf(name))]);
  const accessLost = made.output(AccessLost);
  // Referred to, so that it is among those with a name.
  made.output(z.array(EventView));
  const { Event: attributes, ...others } = made.named();
  return {
    ...others,
    Event: {
      description: 'A CloudEvent of one of the public types. Later releases add types.',
      oneOf: names.map(eventOf),
      discriminator: {
        propertyName: 'type',
        mapping: Object.fromEntries(names.map((name) => [publicTypes[name], eventOf(name).$ref])),
      },
    },
    EventAttributes: { ...attributes, description: 'What every event has.' },
    ...Object.fromEntries(names.map((name) => [`${name}Event`, oneEvent(name)])),
    ...Object.fromEntries(data),
    AccessLost: accessLost,
  };
}

function oneEvent(name: EventTypeName): JsonSchema {
  const data = { $ref: `#/components/schemas/${name}` };
  const own = {
    type: 'object',
    properties: {
      type: { type: 'string', const: publicTypes[name] },
      data: taking.has(name) ? { anyOf: [data, { $ref: '#/components/schemas/AccessLost' }] } : data,
    },
  };
  return { allOf: [{ $ref: '#/components/schemas/EventAttributes' }, own] };
}

/** What the data of an event hold. */
export function eventDataOf(name: EventTypeName): z.ZodType {
  const data = allEventTypes[name].data as z.ZodObject;
  return name in taskEvents ? data.extend({ ...withHiddenShares(name, data.shape), task: TaskAsLeft }) : data;
}

/** The members that are null for a reader who may not see with whom the task is shared. */
function withHiddenShares(name: EventTypeName, shape: z.ZodRawShape): z.ZodRawShape {
  const hidden = 'null, and in `redacted`, for readers who may not see the share';
  if (name === 'TaskShared' || name === 'TaskSharePermissionChanged' || name === 'TaskUnshared') {
    const members = ['user_id', 'permission'].map((member) => [member, (shape[member] as z.ZodType).nullable().describe(hidden)]);
    return Object.fromEntries(members);
  }
  if (name === 'TaskTransferred') return { kept: (shape.kept as z.ZodType).describe(hidden) };
  if (name !== 'TaskDeleted' && name !== 'TaskRestored') return {};
  const member = name === 'TaskDeleted' ? 'last' : 'restored';
  const task = shape[member] as z.ZodObject;
  return { [member]: task.extend({ sharee_ids: (task.shape.sharee_ids as z.ZodType).nullable().describe(hidden) }) };
}
