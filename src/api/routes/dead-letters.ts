import { z } from 'zod';
import type { QueriesFor } from '../../queries/queries.ts';
import { Rejection } from '../../rejection.ts';
import type { DeadLetters, Outcome } from '../../subscribers/engine/dead-letters.ts';
import { type Answer, JsonText, type RequestContext, type Route, route } from '../route.ts';
import { DeadLetterOutcomeView, DeadLetterView } from '../views/dead-letter-view.ts';
import { PageQuery, pageAnswer, pageOf, pageRequest } from '../views/listing-view.ts';

export interface DeadLetterServices {
  queriesFor: QueriesFor<'listDeadLetters' | 'findDeadLetter'>;
  deadLetters: DeadLetters;
}

const IdPath = z.strictObject({ id: z.uuid() });
const SkipBody = z.strictObject({ reason: z.string().trim().min(1).max(500).describe('Kept with what was skipped.') });
const admin = { tag: 'Admin', needs: { scope: 'admin', admin: true } } as const;
const decision = {
  ...admin,
  method: 'post',
  params: IdPath,
  absent: 'DEAD_LETTER_NOT_FOUND',
  answers: { 200: DeadLetterOutcomeView, 202: DeadLetterOutcomeView },
  rejects: ['ADMIN_ONLY', 'DEAD_LETTER_NOT_FOUND'],
} as const;

/** What subscribers could not handle, for those who run the service. */
export function deadLetterRoutes({ queriesFor, deadLetters }: DeadLetterServices): Route[] {
  const answer = async (request: RequestContext, outcome: Outcome | null): Promise<Answer> => {
    if (outcome === null) throw new Rejection('DEAD_LETTER_NOT_FOUND', 'There is no such dead letter');
    const { failed, ...facts } = outcome;
    const letter = failed === null ? null : await queriesFor(request).findDeadLetter(failed);
    const text = `${JSON.stringify(facts).slice(0, -1)},"dead_letter":${letter}}`;
    return { status: facts.outcome === 'under_way' ? 202 : 200, body: new JsonText(text) };
  };
  return [
    route({
      ...admin,
      method: 'get',
      path: '/admin/dead-letters',
      summary: 'List the events that subscribers could not handle, oldest first',
      description: 'Later events of the same task or account wait behind them, for that subscriber; everything else goes on.',
      query: PageQuery,
      answers: { 200: pageOf(DeadLetterView) },
      rejects: ['ADMIN_ONLY', 'INVALID_CURSOR'],
      async handle({ query, request }) {
        const part = pageRequest(query);
        return pageAnswer(await queriesFor(request).listDeadLetters({}, part), part, request, {});
      },
    }),
    route({
      ...decision,
      path: '/admin/dead-letters/:id/retry',
      summary: 'Have an event handled again, and what waits behind it',
      description: 'In order, up to the next that fails.',
      handle: async ({ params, request }) => answer(request, await deadLetters.retry(params.id)),
    }),
    route({
      ...decision,
      path: '/admin/dead-letters/:id/skip',
      summary: 'Have an event never handled, and what waits behind it now',
      description: 'Who skipped what, when and why is kept.',
      body: SkipBody,
      handle: async ({ params, body, caller, request }) => answer(request, await deadLetters.skip(params.id, { ...body, by: caller.id })),
    }),
  ];
}
