import { z } from 'zod';
import { Id } from '../../events/values.ts';

const Time = z.iso.datetime({ precision: 3 });

const PlacedEvent = z.strictObject({
  id: Id.describe('Of the event.'),
  type: z.string().describe('As it is told; the stored name of an event that this release does not know.'),
  subject: z.string().describe('`tasks/<id>` or `users/<id>`.'),
  revision: z.int(),
});

export const DeadLetterView = z
  .strictObject({
    id: Id,
    subscriber: z.string().describe('Who could not handle it: `kafka`, `webhooks`, …'),
    state: z.enum(['failed', 'retrying']),
    event: PlacedEvent,
    error: z.string(),
    attempts: z.int(),
    put_aside_at: Time,
    failed_at: Time.describe('The last time.'),
    waiting: z
      .strictObject({ count: z.int(), events: z.array(PlacedEvent).describe('At most 20 of them.') })
      .describe('Later events of the same task or account, which wait for it.'),
  })
  .meta({ id: 'DeadLetter', description: 'An event that a subscriber could not handle.' });

export const DeadLetterOutcomeView = z
  .strictObject({
    outcome: z
      .enum(['handled', 'failed', 'under_way'])
      .describe(
        'Of all that was put aside of this task or account for the subscriber; `under_way` when it takes longer than a few seconds.',
      ),
    handled: z.int().describe('So many events were handled.'),
    left: z.int().describe('So many are put aside still.'),
    dead_letter: DeadLetterView.nullable().describe('The one that failed.'),
  })
  .meta({ id: 'DeadLetterOutcome' });
