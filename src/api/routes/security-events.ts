import { z } from 'zod';
import { securityEventKinds } from '../../accounts/security-event.ts';
import type { SecurityLog } from '../../accounts/security-log.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import type { RejectionCode } from '../../rejection.ts';
import type { ApiRequest } from '../api-request.ts';
import { momentsBetween, timezoneParameter } from '../days.ts';
import { notAfter, notBefore, someOf, uuid } from '../query-parameters.ts';
import { type Route, route } from '../route.ts';
import { atMostOneOf, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';
import { SecurityEventView } from '../views/security-event-view.ts';

export interface SecurityEventServices {
  queriesFor: QueriesFor<'listSecurityEvents'>;
  security: Pick<SecurityLog, 'flush'>;
}

const SecurityEventsQuery = atMostOneOf(
  z.strictObject({
    kind: someOf(securityEventKinds),
    user_id: uuid('Whose account it was about, or who was refused.'),
    start_date: notBefore('What happened then or later.'),
    end_date: notAfter('What happened then or earlier.'),
    timezone: timezoneParameter,
    ...pageParameters,
  }),
  ...pageRules,
);

/** What those who look after the service may ask about. */
export function securityEventRoutes({ queriesFor, security }: SecurityEventServices): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/security-events',
      tag: 'Admin',
      summary: 'List security events, newest first',
      description:
        'Failed logins, used tokens that came again, changes of roles and accounts, and requests that were refused; kept 90 days.',
      needs: { scope: 'admin', admin: true },
      query: SecurityEventsQuery,
      answers: { 200: pageOf(SecurityEventView) },
      rejects: ['ADMIN_ONLY', 'INVALID_CURSOR'],
      async handle({ query, caller, request }) {
        const { kind, user_id: userId } = query;
        const occurred = momentsBetween(query.start_date, query.end_date, caller.timezone);
        await security.flush();
        const part = pageRequest(query);
        return pageAnswer(await queriesFor(request).listSecurityEvents({ kind, userId, occurred }, part), part, request, {});
      },
    }),
  ];
}

/** What accounts tell of themselves, knowing whose account it is. */
const toldElsewhere: readonly RejectionCode[] = ['INVALID_CREDENTIALS', 'ACCOUNT_DISABLED', 'TOKEN_REUSED'];

/** Tells of requests that their callers were not to make. */
export function refusalWatch(security: Pick<SecurityLog, 'record'>): (request: ApiRequest, code: RejectionCode) => void {
  return ({ endpoint, ip, requestId, userId }, code) => {
    if (toldElsewhere.includes(code)) return;
    const where = endpoint && { method: endpoint.method, path: endpoint.pattern };
    security.record({ kind: 'access_refused', userId, ip, requestId, code, ...where });
  };
}
