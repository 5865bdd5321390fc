import { z } from 'zod';
import { publicTypes } from '../../events/public-type.ts';
import { allEventTypes, type EventTypeName } from '../../events/upcasters.ts';
import { withoutPersonalMembers } from '../../subscribers/cloud-event.ts';
import { eventCatalogue } from '../../subscribers/event-catalogue.ts';
import { exampleEvent } from '../../subscribers/example-event.ts';
import { personalMembers } from '../../subscribers/personal-members.ts';
import { basePath } from '../endpoint.ts';
import { eventDataOf, eventOf, eventSchemas } from '../event-schemas.ts';
import type { About } from '../openapi/document.ts';
import { createSchemas, type JsonSchema, type Schemas } from '../openapi/schemas.ts';
import { EventView } from '../views/event-view.ts';

/** The topic that events are published to, unless another is configured. */
const topic = 'tasktrail.events';
const names = Object.keys(allEventTypes) as EventTypeName[];

/** The AsyncAPI 3 document of the events, made from the schemas that they are written and read with. */
export function asyncApiDocument({ version, publicUrl }: About): JsonSchema {
  return {
    asyncapi: '3.0.0',
    info: { title: 'Tasktrail events', version, description, license: { name: 'MIT' } },
    defaultContentType: 'application/json',
    servers: {
      api: {
        description: 'This service.',
        ...addressOf(publicUrl),
        security: [{ $ref: '#/components/securitySchemes/bearer' }],
      },
      kafka: {
        host: '{brokers}',
        protocol: 'kafka-secure',
        description: 'Where events are published, when that is configured.',
        variables: { brokers: { default: 'localhost:9092', description: '`KAFKA_BROKERS`' } },
      },
    },
    channels: { stream: streamChannel(), webhook: webhookChannel(), topic: topicChannel() },
    operations: {
      followEvents: sends('stream', 'Tells a client what it may see, as it happens. `GET /events` has the same events in pages.'),
      callWebhook: sends('webhook', 'Tells a webhook what its owner may see, in the order of each task.'),
      publishEvents: sends('topic', 'Publishes every event, in the order of each stream, at least once: drop repeats by `ce_id`.'),
    },
    components: {
      messages: Object.fromEntries(
        names.flatMap((name) => [
          [name, message(name)],
          [`${name}OnTopic`, messageOnTopic(name)],
        ]),
      ),
      schemas: schemas(),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'An access token, or a personal one with the scope `events:read`.' },
      },
    },
  };
}

function addressOf(publicUrl: string | undefined): JsonSchema {
  if (publicUrl === undefined) {
    const host = { default: 'localhost:8000', description: 'Where it is reached.' };
    return { host: '{host}', pathname: basePath, protocol: 'https', variables: { host } };
  }
  const { host, pathname, protocol } = new URL(publicUrl);
  return { host, pathname: pathname.replace(/\/+$/, '') + basePath, protocol: protocol.replace(':', '') };
}

const description = `Every change is an event, told as a CloudEvent 1.0. Events of one stream (\`partitionkey\`) come in their order, with no
\`revision\` left out of what is shown; \`position\` orders all of them. An event has the same \`id\` wherever and however often it is told.
Types and members may be added: ignore what you do not know.`;

function streamChannel(): JsonSchema {
  return {
    address: '/events/stream',
    description: 'Server-sent events: `id:` is the position, `event:` the type, `data:` one line. `Last-Event-ID` resumes.',
    servers: [{ $ref: '#/servers/api' }],
    messages: referred(''),
    bindings: { http: {} },
  };
}

function webhookChannel(): JsonSchema {
  return {
    address: null,
    description:
      'A POST of `application/cloudevents+json` to the address of a webhook, signed after Standard Webhooks. One of the type `tasktrail.webhook.test.v1` comes only when it is asked for.',
    messages: referred(''),
  };
}

function topicChannel(): JsonSchema {
  return {
    address: topic,
    description: 'CloudEvents in binary mode: attributes as `ce_` headers, the key is `ce_partitionkey`, the value is the data.',
    servers: [{ $ref: '#/servers/kafka' }],
    messages: referred('OnTopic'),
    bindings: { kafka: { topic, bindingVersion: '0.5.0' } },
  };
}

function sends(channel: string, summary: string): JsonSchema {
  return { action: 'send', channel: { $ref: `#/channels/${channel}` }, summary };
}

function referred(suffix: string): JsonSchema {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/messages/${name}${suffix}` }]));
}

function message(name: EventTypeName): JsonSchema {
  return {
    name: publicTypes[name],
    title: name,
    summary: eventCatalogue[name].summary,
    contentType: 'application/cloudevents+json',
    payload: eventOf(name),
    examples: [{ payload: exampleEvent(name) }],
  };
}

function messageOnTopic(name: EventTypeName): JsonSchema {
  const { data, ...attributes } = withoutPersonalMembers(name, exampleEvent(name));
  const headers = Object.entries(attributes).filter(([attribute]) => attribute !== 'datacontenttype');
  const personal = personalMembers(name).map((member) => `\`${member}\``);
  return {
    name: publicTypes[name],
    title: name,
    summary: eventCatalogue[name].summary,
    ...(personal.length > 0 && { description: `Without ${personal.join(' and ')}: null, and named in \`ce_redacted\`.` }),
    contentType: 'application/json',
    headers: { $ref: '#/components/schemas/TopicHeaders' },
    payload: { $ref: `#/components/schemas/${nullsOnTopic(name).length > 0 ? `${name}OnTopic` : name}` },
    bindings: { kafka: { key: { type: 'string', description: 'The stream.' }, bindingVersion: '0.5.0' } },
    examples: [{ headers: Object.fromEntries(headers.map(([attribute, value]) => [`ce_${attribute}`, String(value)])), payload: data }],
  };
}

function schemas(): JsonSchema {
  const made = createSchemas();
  const onTopic = names.filter((name) => nullsOnTopic(name).length > 0);
  const dataOnTopic = Object.fromEntries(onTopic.map((name) => [`${name}OnTopic`, made.output(dataOnTopicOf(name))]));
  const { Event, ...others } = eventSchemas(made);
  // Here a discriminator is a name alone.
  return { ...others, Event: { ...Event, discriminator: 'type' }, ...dataOnTopic, TopicHeaders: topicHeaders(made) };
}

/** The attributes of an event, as headers: each of them text. */
function topicHeaders(made: Schemas): JsonSchema {
  const { datacontenttype: _, data: __, ...attributes } = EventView.shape;
  const { properties = {}, required = [] } = made.output(z.strictObject(attributes)) as {
    properties?: Record<string, JsonSchema>;
    required?: string[];
  };
  const asText = ({ type, format, minimum: _, ...own }: JsonSchema) =>
    type === 'integer' ? { ...own, type: 'string', pattern: '^[0-9]+$' } : { ...own, type, ...(format !== undefined && { format }) };
  const headers = Object.entries(properties).map(([attribute, schema]) => [`ce_${attribute}`, asText(schema)]);
  return { type: 'object', properties: Object.fromEntries(headers), required: required.map((attribute) => `ce_${attribute}`) };
}

/** The members that are null in Kafka and never null elsewhere. */
function nullsOnTopic(name: EventTypeName): string[] {
  const { versions } = allEventTypes[name];
  return personalMembers(name).filter((path) => versions.at(-1)!.lists.includes(path));
}

function dataOnTopicOf(name: EventTypeName): z.ZodType {
  return nullsOnTopic(name).reduce((data, path) => nullableAt(data, path.split('.')), eventDataOf(name) as z.ZodObject);
}

function nullableAt(schema: z.ZodObject, [key, ...rest]: readonly string[]): z.ZodObject {
  const member = schema.shape[key!] as z.ZodType;
  return schema.extend({ [key!]: rest.length === 0 ? member.nullable() : nullableAt(member as z.ZodObject, rest) });
}
