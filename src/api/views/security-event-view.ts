import { z } from 'zod';
import { securityEventKinds } from '../../accounts/security-event.ts';
import { Id } from '../../events/values.ts';
import { rejectionCodes } from '../../rejection.ts';
import { growing } from '../forms.ts';
import { PersonView } from './person-view.ts';

const Time = z.iso.datetime({ precision: 3 });

export const SecurityEventView = z
  .strictObject({
    id: Id,
    kind: growing(securityEventKinds),
    occurred_at: Time.describe('The first time.'),
    last_occurred_at: Time.describe('The last time within the same minute.'),
    count: z.int().positive().describe('How often it happened in that minute.'),
    user: PersonView.nullable().describe('Whose account it is about, or who was refused; null when that is not known.'),
    actor: PersonView.nullable().describe('The admin whose doing it was.'),
    ip: z.string().nullable().describe('The address that it came from; null where there were too many to tell apart.'),
    code: growing(rejectionCodes).nullable().describe('Why something was refused.'),
    method: z.string().nullable(),
    path: z.string().nullable().describe('The route that was refused.'),
    request_id: z.string().describe('Of the last time; the log has the others.'),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({
    id: 'SecurityEvent',
    description: 'Something that those who look after the service may ask about. What was typed is not in it.',
  });
