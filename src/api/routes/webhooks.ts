import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { publicTypes } from '../../events/public-type.ts';
import type { EventStore } from '../../events/store/event-store.ts';
import { Id } from '../../events/values.ts';
import type { Jobs } from '../../platform/jobs/jobs.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { Rejection } from '../../rejection.ts';
import { typePatterns, typesMatching } from '../../subscribers/event-types.ts';
import type { AskedDeliveries } from '../../subscribers/webhooks/asked-deliveries.ts';
import { MAX_REPLAYS, type ReplayJob, replayJob } from '../../subscribers/webhooks/replay.ts';
import { secretText } from '../../subscribers/webhooks/secret.ts';
import type { Webhooks } from '../../subscribers/webhooks/webhooks.ts';
import { accountCall } from '../account-request.ts';
import { momentsBetween, timezoneParameter } from '../days.ts';
import { notAfter, notBefore, someOf, uuid } from '../query-parameters.ts';
import { type RequestContext, type Route, route } from '../route.ts';
import { atMostOneOf, PageQuery, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';
import {
  DeliveryView,
  deliveryKinds,
  deliveryStatuses,
  queuedDeliveryView,
  WebhookView,
  WebhookWithSecretView,
  webhookView,
} from '../views/webhook-view.ts';
import { wholeListAnswer } from '../views/whole-list.ts';
import { requireWritten } from '../written-position.ts';
import { JobView, jobView, shareOf } from './async.ts';
import { NewWebhookBody, ReplayBody, RotationBody, WebhookChangesBody } from './webhook-bodies.ts';

export interface WebhookServices {
  webhooks: Webhooks;
  asked: AskedDeliveries;
  queriesFor: QueriesFor<'listDeliveries' | 'findDelivery'>;
  store: Pick<EventStore, 'head' | 'end'>;
  jobs: Pick<Jobs, 'start'>;
}

const DeliveriesQuery = atMostOneOf(
  z.strictObject({
    status: someOf(deliveryStatuses),
    kind: someOf(deliveryKinds),
    types: someOf(typePatterns),
    event_id: uuid('Of this event.'),
    start_date: notBefore('What was queued then or later.'),
    end_date: notAfter('What was queued then or earlier.'),
    timezone: timezoneParameter,
    ...pageParameters,
  }),
  ...pageRules,
);

const common = { tag: 'Webhooks', needs: { scope: 'events:read' } } as const;
const commands = { tag: 'Webhooks', needs: { scope: 'webhooks:manage' } } as const;
const ofOne = { ...common, params: z.strictObject({ id: z.string() }), absent: 'WEBHOOK_NOT_FOUND' } as const;
const commandsOnOne = { ...commands, params: ofOne.params, absent: ofOne.absent } as const;
const secretive = { 'Cache-Control': 'no-store' };

/** Addresses that are called when something happens. Each is its owner's alone. */
export function webhookRoutes(services: WebhookServices): Route[] {
  return [...managementRoutes(services), ...deliveryRoutes(services)];
}

function managementRoutes({ webhooks }: WebhookServices): Route[] {
  return [
    route({
      ...common,
      method: 'get',
      path: '/webhooks',
      summary: "List the caller's webhooks, the newest first",
      query: PageQuery,
      answers: { 200: pageOf(WebhookView) },
      rejects: ['INVALID_CURSOR'],
      async handle({ query, caller, request }) {
        const items = (await webhooks.list(caller.id)).map(webhookView);
        return wholeListAnswer(items, pageRequest(query), request, ({ id }) => id);
      },
    }),
    route({
      ...commands,
      method: 'post',
      path: '/webhooks',
      summary: 'Have an address called when something happens',
      description:
        'It is sent what happens from now on, as far as the caller may see it: a POST of `application/cloudevents+json`, signed after Standard Webhooks. Answer with 2xx within 15 seconds. Anything else is tried again for a day, in the order of each task; then, and after a 410 at once, the webhook is disabled and its owner told. One made by a token without the scope `admin` sees what its owner sees without being an admin. It needs a verified e-mail address, unless an admin set that, and its owner is notified.',
      body: NewWebhookBody,
      gives: ['Location'],
      answers: { 201: WebhookWithSecretView },
      rejects: ['LIMIT_REACHED', 'WEBHOOK_URL_FORBIDDEN', 'EMAIL_NOT_VERIFIED'],
      async handle({ body, caller, request }) {
        const { webhook, secret } = await webhooks.create(caller, body, accountCall(request));
        const headers = { ...secretive, Location: `/api/v1/webhooks/${webhook.id}` };
        return { status: 201, headers, body: { ...webhookView(webhook), secret: secretText(secret) } };
      },
    }),
    route({
      ...ofOne,
      method: 'get',
      path: '/webhooks/:id',
      summary: 'Read a webhook',
      answers: { 200: WebhookView },
      rejects: ['WEBHOOK_NOT_FOUND'],
      handle: async ({ params, caller }) => ({ status: 200, body: webhookView(await webhooks.read(caller.id, params.id)) }),
    }),
    route({
      ...commandsOnOne,
      method: 'patch',
      path: '/webhooks/:id',
      summary: 'Change a webhook',
      description:
        'What is left out stays. What happens while it is not active is not sent later; what waited is cancelled: ask for a replay. Another `url` and `active: true` need a verified e-mail address, unless an admin set that, and the owner is notified.',
      body: WebhookChangesBody,
      answers: { 200: WebhookView },
      rejects: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_URL_FORBIDDEN', 'EMAIL_NOT_VERIFIED'],
      async handle({ params, body, caller, request }) {
        return { status: 200, body: webhookView(await webhooks.change(caller, params.id, body, accountCall(request))) };
      },
    }),
    route({
      ...commandsOnOne,
      method: 'delete',
      path: '/webhooks/:id',
      summary: 'Delete a webhook',
      description: 'With its log, and what was on its way to it.',
      answers: { 204: null },
      rejects: ['WEBHOOK_NOT_FOUND'],
      async handle({ params, caller, request }) {
        await webhooks.delete(caller, params.id, accountCall(request));
        return { status: 204 };
      },
    }),
    route({
      ...commandsOnOne,
      method: 'post',
      path: '/webhooks/:id/rotate',
      summary: 'Give a webhook another secret',
      description: 'For 24 hours the one before signs along: `webhook-signature` then has a signature by each.',
      body: RotationBody,
      answers: { 200: WebhookWithSecretView },
      rejects: ['WEBHOOK_NOT_FOUND'],
      async handle({ params, body, caller, request }) {
        const { webhook, secret } = await webhooks.rotate(caller, params.id, body.secret, accountCall(request));
        return { status: 200, headers: secretive, body: { ...webhookView(webhook), secret: secretText(secret) } };
      },
    }),
  ];
}

function deliveryRoutes({ webhooks, asked, queriesFor, store, jobs }: WebhookServices): Route[] {
  /** Looked up before the delivery is queued again: nothing that fails after that turns the response into an error. */
  const positionOf = async (request: RequestContext, deliveryId: string): Promise<string | null> => {
    const delivery = await queriesFor(request).findDelivery(deliveryId);
    return delivery === null ? null : JSON.parse(delivery).position;
  };

  return [
    route({
      ...commandsOnOne,
      method: 'post',
      path: '/webhooks/:id/test',
      summary: 'Send a webhook an event of the type `tasktrail.webhook.test.v1`',
      description:
        'Once, at once, also while it is not active; it is cancelled where the webhook was stopped with the credentials that made it. What came of it is in its deliveries.',
      answers: { 202: DeliveryView },
      rejects: ['WEBHOOK_NOT_FOUND'],
      handle: async ({ params, caller }) => ({ status: 202, body: queuedDeliveryView(await asked.test(caller.id, params.id), null) }),
    }),
    route({
      ...ofOne,
      method: 'get',
      path: '/webhooks/:id/deliveries',
      summary: 'List what was sent to a webhook and what is to be, newest first',
      query: DeliveriesQuery,
      answers: { 200: pageOf(DeliveryView) },
      rejects: ['WEBHOOK_NOT_FOUND', 'INVALID_CURSOR'],
      async handle({ params, query, caller, request }) {
        const { status, kind, event_id: eventId } = query;
        await webhooks.read(caller.id, params.id);
        const types = query.types && typesMatching(query.types).map((type): string => publicTypes[type]);
        const queued = momentsBetween(query.start_date, query.end_date, caller.timezone);
        const part = pageRequest(query);
        const list = { webhookId: params.id, status, kind, types, eventId, queued };
        return pageAnswer(await queriesFor(request).listDeliveries(list, part), part, request, {});
      },
    }),
    route({
      ...commandsOnOne,
      method: 'post',
      path: '/webhooks/:id/deliveries/:delivery_id/redeliver',
      summary: 'Send the event of a delivery again',
      description:
        'Once, at once, with the same `webhook-id`, also while the webhook is not active; it is cancelled where the webhook was stopped with the credentials that made it.',
      params: z.strictObject({ id: z.string(), delivery_id: z.string() }),
      answers: { 202: DeliveryView },
      rejects: ['WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND'],
      async handle({ params, caller, request }) {
        await webhooks.read(caller.id, params.id);
        if (!Id.safeParse(params.delivery_id).success) throw new Rejection('DELIVERY_NOT_FOUND', 'There is no such delivery');
        const position = await positionOf(request, params.delivery_id);
        return { status: 202, body: queuedDeliveryView(await asked.redeliver(caller.id, params.id, params.delivery_id), position) };
      },
    }),
    route({
      ...commandsOnOne,
      method: 'post',
      path: '/webhooks/:id/replay',
      summary: 'Send a piece of the log again',
      description:
        'What the owner may see of it now, with the same event ids, in the order of each task, and beside what happens meanwhile: marked by the header `Tasktrail-Replay: true`. A job; the webhook must be active. One at a time for a webhook, and two for a user; it runs at most 1,000 deliveries ahead of the receiver, and waits while that fails.',
      body: ReplayBody,
      gives: ['Location'],
      answers: { 202: JobView },
      rejects: ['WEBHOOK_NOT_FOUND', 'LIMIT_REACHED', 'OVERLOADED', 'DEPENDENCY_UNAVAILABLE'],
      async handle({ params, body, caller, request }) {
        await webhooks.read(caller.id, params.id);
        const { after, types } = body;
        const head = await requireWritten(store, BigInt(after), 'after', request.signal);
        const until = body.until === undefined || BigInt(body.until) > head ? head.toString() : body.until;
        const data: ReplayJob = { webhook_id: params.id, lane: randomUUID(), after, until, ...(types && { types }) };
        const share = { ...shareOf(caller.id), group: 'replays', limit: MAX_REPLAYS, key: params.id };
        const job = await jobs.start(replayJob, data, { createdBy: caller.id, share });
        return { status: 202, headers: { Location: `/async/tasks/${job.id}` }, body: jobView(job) };
      },
    }),
  ];
}
