import { z } from 'zod';
import type { EventStore } from '../../events/store/event-store.ts';
import type { Inbox } from '../../notifications/inbox.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { exclusive } from '../forms.ts';
import type { Freshness } from '../freshness.ts';
import { RequestedId } from '../id.ts';
import { flag } from '../query-parameters.ts';
import { type Route, route } from '../route.ts';
import { atMostOneOf, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';
import { NotificationView } from '../views/notification-view.ts';

export interface NotificationServices {
  inbox: Pick<Inbox, 'markRead'>;
  queriesFor: QueriesFor<'listNotifications'>;
  store: Pick<EventStore, 'head'>;
  freshness: Pick<Freshness, 'wait'>;
}

const MOST = 500;

const NotificationsQuery = atMostOneOf(
  z.strictObject({ unread: flag('Only those that were not read yet; false: only those that were.'), ...pageParameters }),
  ...pageRules,
);

const ReadBody = z
  .strictObject({
    ids: z
      .array(RequestedId)
      .min(1)
      .max(MOST)
      .optional()
      .meta({ description: 'Of notifications. All of them are the caller’s, or none is marked.' }),
    all: z.literal(true).optional().meta({ description: 'All there are.' }),
  })
  .refine(({ ids, all }) => ids !== undefined || all !== undefined, {
    error: 'is required, or all',
    path: ['ids'],
    params: { code: 'required' },
  })
  .refine(({ ids, all }) => ids === undefined || all === undefined, {
    error: 'cannot go together with ids',
    path: ['all'],
    params: { code: 'conflicts_with' },
  })
  .meta({ id: 'ReadNotifications', description: 'Exactly one of `ids` and `all`.', ...exclusive(['ids', 'all']) });

const tag = 'Notifications';

/** What people were told. */
export function notificationRoutes({ inbox, queriesFor, store, freshness }: NotificationServices): Route[] {
  return [
    route({
      method: 'get',
      path: '/notifications',
      tag,
      summary: 'What the caller was told, newest first',
      description:
        'Read ones are kept for 90 days, others for a year. Names and titles are those of now; what the caller may no longer see has no title.',
      needs: { scope: 'tasks:read' },
      query: NotificationsQuery,
      obeys: ['Tasktrail-Position'],
      gives: ['Tasktrail-Stale?'],
      answers: { 200: pageOf(NotificationView) },
      rejects: ['INVALID_CURSOR'],
      async handle({ query, caller, request }) {
        // Whoever is told of a task finds its title.
        const { headers } = await freshness.wait({ caller, request, models: ['listing'], asOf: await store.head() });
        const part = pageRequest(query);
        return pageAnswer(
          await queriesFor(request).listNotifications({ reader: caller, unread: query.unread }, part),
          part,
          request,
          headers,
        );
      },
    }),
    route({
      method: 'post',
      path: '/notifications/read',
      tag,
      summary: 'Mark notifications as read',
      needs: { scope: 'tasks:write' },
      body: ReadBody,
      answers: { 204: null },
      rejects: ['NOTIFICATION_NOT_FOUND'],
      async handle({ body: { ids }, caller }) {
        await inbox.markRead(caller.id, ids ?? 'all');
        return { status: 204 };
      },
    }),
  ];
}
