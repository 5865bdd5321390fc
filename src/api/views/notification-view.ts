import { z } from 'zod';
import { publicTypes } from '../../events/public-type.ts';
import { Id } from '../../events/values.ts';
import { inboxKinds } from '../../notifications/notices.ts';
import { growing } from '../forms.ts';
import { PersonView } from './person-view.ts';

const Time = z.iso.datetime({ precision: 3 });

export const NotificationView = z
  .strictObject({
    id: Id,
    kind: growing(inboxKinds).describe('What it is to the reader.'),
    type: growing(Object.values(publicTypes)).nullable().describe('Of the event; null where there is none: for `task_due_soon`.'),
    event_id: Id.nullable(),
    task: z
      .strictObject({ id: Id, title: z.string().nullable() })
      .nullable()
      .describe('With its title of now; null where the reader may not see it any more, or it is erased.'),
    actor: PersonView.nullable().describe('Whose doing it was; null for the service itself.'),
    revision: z.int().nullable().describe('Of the event, in the history of the task or account.'),
    details: z
      .record(z.string(), z.string())
      .describe('As far as there is one: `comment_id`, `file_id`, `user_id`, `webhook_id`, `reason`, `permission`, `role`, `due_date`.'),
    created_at: Time.describe('When it happened.'),
    read_at: Time.nullable(),
  })
  .meta({ id: 'Notification', description: 'Something that the reader was told.' });
