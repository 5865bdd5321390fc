import { z } from 'zod';
import { type Directory, MOST_FOUND } from '../../accounts/directory.ts';
import { text } from '../../events/values.ts';
import { type Route, route } from '../route.ts';
import { pageOf } from '../views/listing-view.ts';
import { PersonView } from '../views/person-view.ts';

const UserSearch = z.strictObject({
  search: text(200).trim().default('').meta({ description: 'Part of a username or a name, in any case. Without it, everybody.' }),
});

/** Finding the people one can share with or assign to. */
export function userRoutes({ directory }: { directory: Directory }): Route[] {
  return [
    route({
      method: 'get',
      path: '/users',
      tag: 'Accounts',
      summary: 'Find people',
      description: 'Active people without the caller, at most 20, those whose names begin with the text first.',
      needs: { scope: 'tasks:read' },
      query: UserSearch,
      answers: { 200: pageOf(PersonView) },
      rejects: [],
      async handle({ query, caller }) {
        const items = await directory.search(query.search, caller.id);
        // One page is all there is to see: whoever is not on it is found by more of their name.
        const page = { total: items.length, page: 1, per_page: MOST_FOUND, pages: Math.min(items.length, 1), next_cursor: null };
        return { status: 200, body: { items, ...page } };
      },
    }),
  ];
}
