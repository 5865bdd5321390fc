import { z } from 'zod';
import { Id, Time } from '../../events/values.ts';
import { PositionText } from '../forms.ts';

const Position = PositionText.describe('Decimal digits: an integer of any size that only grows.');

/** An event as it is told outside: a CloudEvent in the JSON format. What its data holds is in the AsyncAPI document. */
export const EventView = z
  .strictObject({
    specversion: z.literal('1.0'),
    id: Id.describe('The same wherever and however often the event is told.'),
    source: z.string().meta({ examples: ['urn:tasktrail:6f0c2a4e-52c1-4b8e-9a3d-1f1b2c3d4e5f'] }),
    type: z.string().meta({ examples: ['tasktrail.task.transitioned.v1'] }),
    subject: z.string().describe('`tasks/<id>`, `tasks/<id>/comments/<id>` or `users/<id>`.'),
    time: Time.describe('When it happened.'),
    datacontenttype: z.literal('application/json'),
    position: Position,
    revision: z.int().nonnegative().describe('Of its stream: 0 for the first event, then without gaps.'),
    partitionkey: z.string().describe('The stream. What has the same one is in order.'),
    authtype: z.enum(['user', 'system']).describe('Whose doing it was.'),
    authid: Id,
    tokenid: Id.optional().describe('The personal access token that was used.'),
    correlationid: Id.describe('The operation: one for each call or job.'),
    causationid: z.string().optional(),
    requestid: z.string().optional().describe('The id of the request, as it was sent.'),
    undoof: z.string().optional().describe('The revisions that it takes back, with commas between them.'),
    redacted: z
      .string()
      .optional()
      .describe('JSON pointers into `data`, with commas between them: what is null because it may not be shown.')
      .meta({ examples: ['/content,/task/title'] }),
    data: z
      .record(z.string(), z.unknown())
      .describe(
        'What happened, and for an event about a task `task: {id, title, status}` as it left it. When it took access away: `task: {id}` alone.',
      ),
  })
  .meta({ id: 'Event', description: 'A CloudEvent. What `data` holds by type is in `/asyncapi.json`.' });

export const EventsView = z
  .strictObject({
    events: z.array(EventView),
    next: Position.describe('What to ask `after` next; there is always one.'),
    caught_up: z.boolean().describe('There was nothing more when this was asked.'),
  })
  .meta({ id: 'Events' });
