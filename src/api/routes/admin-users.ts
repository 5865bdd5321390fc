import { z } from 'zod';
import type { Administration } from '../../accounts/administration.ts';
import type { Erasure } from '../../erasure/erasure.ts';
import { Id, Role, text } from '../../events/values.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { accountCall } from '../account-request.ts';
import { basePath } from '../endpoint.ts';
import { RequestedId } from '../id.ts';
import { flag } from '../query-parameters.ts';
import { type Route, route } from '../route.ts';
import { atMostOneOf, pageAnswer, pageOf, pageParameters, pageRequest, pageRules } from '../views/listing-view.ts';
import { UserView, userView } from '../views/user-view.ts';
import { NewUserBody, UserChangesBody } from './auth-bodies.ts';

export interface AdminUserServices {
  administration: Administration;
  erasure: Pick<Erasure, 'ofAnother'>;
  queriesFor: QueriesFor<'listAccounts'>;
}

const AccountsQuery = atMostOneOf(
  z.strictObject({
    search: text(200).trim().optional().meta({ description: 'Part of a username, a name or an e-mail address, in any case.' }),
    role: Role.optional(),
    is_active: flag('Whether the account is active, or disabled.'),
    ...pageParameters,
  }),
  ...pageRules,
);

const IdPath = z.strictObject({ id: Id });
const tag = 'Admin';
const reads = { scope: 'admin', admin: true } as const;
/** No token manages accounts. */
const manages = { scope: null, admin: true, session: true } as const;

/** The accounts of others, as admins see and manage them. */
export function adminUserRoutes({ administration, erasure, queriesFor }: AdminUserServices): Route[] {
  return [
    route({
      method: 'get',
      path: '/admin/users',
      tag,
      summary: 'List accounts, the newest first',
      needs: reads,
      query: AccountsQuery,
      answers: { 200: pageOf(UserView) },
      rejects: ['ADMIN_ONLY', 'INVALID_CURSOR'],
      async handle({ query, request }) {
        const { search, role, is_active: isActive } = query;
        const part = pageRequest(query);
        return pageAnswer(await queriesFor(request).listAccounts({ search, role, isActive }, part), part, request, {});
      },
    }),
    route({
      method: 'post',
      path: '/admin/users',
      tag,
      summary: 'Make an account',
      description: 'Also where people cannot register. Nobody is signed in by it.',
      needs: manages,
      body: NewUserBody,
      gives: ['Location'],
      answers: { 201: UserView },
      rejects: ['ADMIN_ONLY', 'EMAIL_TAKEN', 'USERNAME_TAKEN', 'OVERLOADED'],
      async handle({ body: { full_name: fullName, ...body }, caller, request }) {
        const user = await administration.makeAccount({ ...body, fullName }, caller, accountCall(request));
        return { status: 201, headers: { Location: `${basePath}/admin/users/${user.id}` }, body: userView(user) };
      },
    }),
    route({
      method: 'get',
      path: '/admin/users/:id',
      tag,
      summary: 'Look at an account',
      needs: reads,
      params: IdPath,
      answers: { 200: UserView },
      rejects: ['ADMIN_ONLY', 'USER_NOT_FOUND'],
      absent: 'USER_NOT_FOUND',
      handle: async ({ params }) => ({ status: 200, body: userView(await administration.read(params.id)) }),
    }),
    route({
      method: 'patch',
      path: '/admin/users/:id',
      tag,
      summary: "Change somebody's role, disable an account, or enable it again",
      description: "In force at that person's next request. Disabling ends the sessions; a new role does not.",
      needs: manages,
      params: IdPath,
      body: UserChangesBody,
      answers: { 200: UserView },
      rejects: ['ADMIN_ONLY', 'USER_NOT_FOUND', 'LAST_ADMIN'],
      absent: 'USER_NOT_FOUND',
      async handle({ params, body: { role, is_active: isActive }, caller, request }) {
        return { status: 200, body: userView(await administration.change(params.id, { role, isActive }, caller, accountCall(request))) };
      },
    }),
    route({
      method: 'delete',
      path: '/admin/users/:id',
      tag,
      summary: 'Erase an account',
      description:
        'As when people erase their own: it cannot be taken back. `transfer_to` is given the tasks, which are erased too otherwise.',
      needs: manages,
      params: IdPath,
      body: z.strictObject({ transfer_to: RequestedId.optional() }).meta({ id: 'ErasureOfAnother' }),
      answers: { 204: null },
      rejects: ['ADMIN_ONLY', 'USER_NOT_FOUND', 'LAST_ADMIN'],
      absent: 'USER_NOT_FOUND',
      async handle({ params, body, caller, request }) {
        await erasure.ofAnother(params.id, body.transfer_to ?? null, caller, accountCall(request));
        return { status: 204 };
      },
    }),
  ];
}
