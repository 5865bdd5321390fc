import { z } from 'zod';
import { BEGINNING, type EventStore, type Position, parsePosition } from '../../events/store/event-store.ts';
import { Rejection } from '../../rejection.ts';
import { typePatterns, typesMatching } from '../../subscribers/event-types.ts';
import { type FeedServices, followed, pageWithin } from '../event-polling.ts';
import { type EventStreams, eventStreamType } from '../event-stream.ts';
import type { Freshness } from '../freshness.ts';
import { someOf, wholeNumber } from '../query-parameters.ts';
import { type RequestContext, type Route, route } from '../route.ts';
import { EventsView } from '../views/event-view.ts';
import { requireWritten } from '../written-position.ts';

export interface EventServices extends FeedServices {
  store: Pick<EventStore, 'head' | 'end'>;
  freshness: Pick<Freshness, 'wait'>;
  streams: EventStreams;
}

const MOST = 500;
const LONGEST_WAIT = 30;

const after = z
  .string()
  .transform((text, context): Position | 'head' => {
    const position = text === 'head' ? text : parsePosition(text);
    if (position !== undefined) return position;
    context.addIssue({ code: 'custom', message: 'must be a position, or head', params: { code: 'format' } });
    return z.NEVER;
  })
  .optional()
  .meta({
    pattern: '^(?:head|[0-9]{1,30})$',
    description: 'A position: what comes behind it. `head`: what comes from now on. From the beginning when left out.',
  });

const types = someOf(typePatterns).meta({
  description:
    'Some types, with commas between them, without `tasktrail.` and the version: `task.transitioned,comment.*`. ' +
    '`*` is everything about tasks, their comments and files.',
});

const common = { method: 'get', tag: 'Events', needs: { scope: 'events:read' } } as const;

/** What happened and what happens, to whoever may see it. */
export function eventRoutes({ store, freshness, streams, ...services }: EventServices): Route[] {
  return [
    route({
      ...common,
      path: '/events',
      summary: 'Read events in their order, and wait for more',
      description:
        'What the caller may see now: the events of their own account and of every task that they have access to, its past included; ' +
        'for admins of every task. An event that took access away tells its task’s id and no more.',
      obeys: ['Tasktrail-Position'],
      gives: ['Tasktrail-Stale?'],
      query: z.strictObject({
        after,
        types,
        limit: wholeNumber(1, MOST, { default: 100 }),
        wait: wholeNumber(0, LONGEST_WAIT, { default: 0, description: 'Seconds to wait for an event when there is none yet.' }),
      }),
      answers: { 200: EventsView },
      rejects: [],
      async handle({ query, caller, request }) {
        const head = await store.head();
        const from = query.after === 'head' ? head : (query.after ?? BEGINNING);
        const { headers } = await freshness.wait({ caller, request, models: ['feed'], asOf: head });
        // What no event of this log has yet is nothing to wait for; a position behind the events of another application is one of the log.
        if (from > head && from > (await store.end()))
          return { status: 200, headers: stale, body: { events: [], next: from.toString(), caught_up: false } };
        const asked = { reader: caller, after: from, types: query.types && typesMatching(query.types), limit: query.limit ?? 100 };
        const { events, next, more } = await pageWithin(services, asked, query.wait ?? 0, request);
        return { status: 200, headers, body: { events, next: next.toString(), caught_up: !more && next >= head } };
      },
    }),
    route({
      ...common,
      path: '/events/stream',
      summary: 'Follow events as they come',
      description:
        'Server-sent events: `id:` is the position, `event:` the type, `data:` the event in one line; `caught_up` when all there was ' +
        'has been told. `Last-Event-ID` goes on behind that position, and comes before `after`. Ends with the session or token, with a ' +
        'change of the caller’s role, and when the service shuts down: go on elsewhere. A position that the log does not reach within two seconds is a 422.',
      query: z.strictObject({ after, types }),
      obeys: ['Last-Event-ID'],
      answers: { 200: { contentTypes: [eventStreamType] } },
      rejects: ['LIMIT_REACHED'],
      async handle({ query, caller, request }) {
        const last = lastEvent(request);
        const wanted = last ?? query.after ?? BEGINNING;
        const path = last === undefined ? 'query.after' : 'header.last-event-id';
        const head = await (wanted === 'head' ? store.head() : requireWritten(store, wanted, path, request.signal));
        const asked = { reader: caller, after: wanted === 'head' ? head : wanted, types: query.types && typesMatching(query.types) };
        return streams.answer({
          caller,
          request,
          events: (signal) => followed(services, asked, head, { userId: caller.id, ip: request.ip, signal }),
          async requireVisible({ isAdmin }) {
            if (isAdmin !== caller.isAdmin) throw new Rejection('FORBIDDEN', 'The role has changed');
          },
        });
      },
    }),
  ];
}

const stale = { 'Tasktrail-Stale': 'true' };

function lastEvent(request: RequestContext): Position | undefined {
  const id = request.header('last-event-id');
  return id === undefined || id === '' ? undefined : parsePosition(id);
}
