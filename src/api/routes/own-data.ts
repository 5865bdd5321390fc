import { z } from 'zod';
import type { Erasure } from '../../erasure/erasure.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { accountCall } from '../account-request.ts';
import type { Freshness } from '../freshness.ts';
import { RequestedId } from '../id.ts';
import { type Route, route } from '../route.ts';
import { UserView } from '../views/user-view.ts';

export interface OwnDataServices {
  erasure: Pick<Erasure, 'ofOneself'>;
  queriesFor: QueriesFor<'exportAccount'>;
  freshness: Freshness;
}

const ErasureBody = z
  .strictObject({ password: z.string().min(1).max(1024), transfer_to: RequestedId.optional() })
  .meta({ id: 'Erasure', description: '`transfer_to` is given the tasks that the caller owns; left out, they are erased too.' });

const rows = z.array(z.looseObject({}));
const AccountExport = z
  .strictObject({
    exported_at: z.iso.datetime({ precision: 3 }),
    user: UserView,
    sessions: rows,
    tokens: rows.meta({ description: 'Without the secrets, which are not kept.' }),
    notification_preferences: rows.meta({ description: 'None where nothing was changed.' }),
    pending_addresses: rows.meta({ description: 'Addresses that were asked for, until they are confirmed.' }),
    former_addresses: rows.meta({ description: 'Kept for a week, to tell of the change.' }),
    webhooks: rows.meta({ description: 'Without their secrets.' }),
    notifications: rows,
    security_events: rows,
    tasks: rows.meta({ description: 'Those that the caller owns, deleted ones included.' }),
    shares: rows.meta({ description: 'What others share with the caller, and the caller with others.' }),
    assignments: rows,
    comments: rows.meta({ description: 'With all that they have said before.' }),
    files: rows.meta({ description: 'Those that the caller uploaded, without their contents.' }),
    activity: rows,
  })
  .meta({ id: 'AccountExport' });

/** What the service holds about the caller: all of it, or none of it any more. */
export function ownDataRoutes({ erasure, queriesFor, freshness }: OwnDataServices): Route[] {
  const erase = {
    tag: 'Accounts',
    description:
      'The account is gone when this is answered: its sessions and tokens have ended, and what its text was sealed by is destroyed. Comments stay in their places without what they said; names are "Deleted user", and `@name` in what others wrote reads `@deleted-user`. Owned tasks go to `transfer_to`, or their text is erased too; where there are many, that goes on behind the answer. It cannot be taken back.',
    needs: { scope: null, session: true },
    body: ErasureBody,
    answers: { 204: null },
    rejects: ['PASSWORD_INCORRECT', 'USER_NOT_FOUND', 'LAST_ADMIN', 'OVERLOADED'],
    limited: 'password',
  } as const;
  const forget = async (
    { password, transfer_to }: z.output<typeof ErasureBody>,
    caller: Parameters<Erasure['ofOneself']>[0],
    call: Parameters<Erasure['ofOneself']>[2],
  ) => {
    await erasure.ofOneself(caller, { password, transferTo: transfer_to ?? null }, call);
    return { status: 204 };
  };

  return [
    route({
      ...erase,
      method: 'delete',
      path: '/auth/me',
      summary: "Erase the caller's account",
      handle: ({ body, caller, request }) => forget(body, caller, accountCall(request)),
    }),
    route({
      ...erase,
      method: 'post',
      path: '/auth/me/erase',
      summary: "Erase the caller's account, for clients that send no body with DELETE",
      handle: ({ body, caller, request }) => forget(body, caller, accountCall(request)),
    }),
    route({
      method: 'get',
      path: '/auth/me/export',
      tag: 'Accounts',
      summary: 'Everything that the service holds about the caller, as a download',
      needs: { scope: null, session: true },
      obeys: ['Tasktrail-Position'],
      gives: ['Tasktrail-Stale?', 'Content-Disposition'],
      answers: { 200: AccountExport },
      rejects: ['OVERLOADED'],
      async handle({ caller, request }) {
        const { headers } = await freshness.wait({ caller, request, models: ['listing', 'activity', 'history'] });
        return {
          status: 200,
          headers: { ...headers, 'Cache-Control': 'no-store', 'Content-Disposition': 'attachment; filename="tasktrail-export.json"' },
          stream: { contentType: 'application/json; charset=utf-8', chunks: queriesFor(request).exportAccount(caller.id, request.signal) },
        };
      },
    }),
  ];
}
