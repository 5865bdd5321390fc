import { z } from 'zod';
import type { Caller } from '../../accounts/caller.ts';
import { isStorable } from '../../events/values.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { Rejection } from '../../rejection.ts';
import { type Route, route } from '../route.ts';
import { atMostOneOf, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';
import { PersonView } from '../views/person-view.ts';

const PeopleQuery = atMostOneOf(
  z.strictObject({
    search: z
      .string()
      .trim()
      .min(2)
      .max(200)
      .refine(isStorable, { error: 'must be well-formed text without NUL characters', params: { code: 'format' } })
      .optional()
      .meta({ description: 'The beginning of a username or of a word of a full name, in any case. Admins may leave it out.' }),
    ...pageParameters,
  }),
  ...pageRules,
);

/** Finding the users whom one can share with or assign to. */
export function userRoutes({ queriesFor }: { queriesFor: QueriesFor<'listPeople'> }): Route[] {
  return [
    route({
      method: 'get',
      path: '/users',
      tag: 'Accounts',
      summary: 'Find users by the beginning of a name',
      description:
        'Active users without the caller, by username: those whose username, or a word of whose full name, begins with the text.',
      needs: { scope: 'tasks:read' },
      query: PeopleQuery,
      answers: { 200: pageOf(PersonView) },
      rejects: ['INVALID_CURSOR'],
      async handle({ query, caller, request }) {
        const { search } = query;
        if (search === undefined) requireAdmin(caller);
        const part = pageRequest(query);
        return pageAnswer(await queriesFor(request).listPeople({ readerId: caller.id, search }, part), part, request, {});
      },
    }),
  ];
}

/** @throws Rejection VALIDATION_FAILED, as for any parameter that is missing */
function requireAdmin({ isAdmin }: Caller): void {
  if (isAdmin) return;
  const fault = { path: 'query.search', message: 'is required, with at least 2 characters', code: 'required' };
  throw new Rejection('VALIDATION_FAILED', 'The request is not valid', [fault]);
}
