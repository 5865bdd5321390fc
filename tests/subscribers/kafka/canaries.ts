import { z } from 'zod';
import type { RecordedEvent } from '../../../src/events/recorded-event.ts';
import { allEventTypes, type EventTypeName } from '../../../src/events/upcasters.ts';
import { cloudEvent, withoutPersonalMembers } from '../../../src/subscribers/cloud-event.ts';
import { kafkaMessage } from '../../../src/subscribers/kafka/kafka-message.ts';
import { recorded } from '../../support/happenings.ts';

type JsonSchema = Record<string, unknown>;

/**
 * Makes a message of every event type from data in which each text names its own place, and finds the places that the messages show.
 * @returns `<type>.<path>` of each text that a consumer of the topic can read
 */
export function textsInMessages(): string[] {
  const types = Object.keys(allEventTypes) as EventTypeName[];
  return types.flatMap((type) => {
    const schema = z.toJSONSchema(allEventTypes[type].data, { unrepresentable: 'any' }) as JsonSchema;
    const [event] = recorded([{ type, data: sampleOf(schema, type) } as never]) as RecordedEvent[];
    const task = { title: '<canary task.title>', status: 'todo' } as const;
    const whole = cloudEvent(event!, { logId: '6f0c2a4e-52c1-4b8e-9a3d-1f1b2c3d4e5f', task });
    const message = JSON.stringify(kafkaMessage(withoutPersonalMembers(type, whole)));
    return [...new Set(Array.from(message.matchAll(/<canary ([^>]*)>/g), ([, place]) => place!))];
  });
}

/** A value of a schema; a text without a fixed form names its path, and of alternatives the first that is not null is taken. */
function sampleOf(schema: JsonSchema, path: string): unknown {
  const { type, properties, items, anyOf, additionalProperties, pattern, format } = schema;
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (Array.isArray(anyOf)) return sampleOf(anyOf.find((one: JsonSchema) => one.type !== 'null') ?? anyOf[0], path);
  if (type === 'array') return [sampleOf(items as JsonSchema, path)];
  if (type === 'integer' || type === 'number') return 1;
  if (type === 'boolean') return false;
  if (type === 'null') return null;
  if (properties) return Object.fromEntries(Object.entries(properties).map(([key, member]) => [key, sampleOf(member, `${path}.${key}`)]));
  if (additionalProperties) return { member: sampleOf(additionalProperties as JsonSchema, `${path}.*`) };
  if (format === 'date') return '2026-03-01';
  if (format === 'date-time') return '2026-03-01T00:00:00.000Z';
  if (pattern !== undefined) return '00000000-0000-7000-8000-000000000001';
  return `<canary ${path}>`;
}
