import { z } from 'zod';
import type { Accounts } from '../../accounts/accounts.ts';
import type { ListedSession } from '../../accounts/sessions.ts';
import { Id } from '../../events/values.ts';
import { type Route, route } from '../route.ts';
import { PageQuery, pageOf, pageRequest } from '../views/listing-view.ts';
import { wholeListAnswer } from '../views/whole-list.ts';

const SessionView = z
  .strictObject({
    id: Id,
    created_at: z.iso.datetime({ precision: 3 }),
    last_used_at: z.iso.datetime({ precision: 3 }).meta({ description: 'Known to the minute of what other instances saw.' }),
    user_agent: z.string().meta({ description: 'As the client named itself when it last got tokens.' }),
    ip: z.string(),
    current: z.boolean().meta({ description: 'Whether it is the session of this request.' }),
  })
  .meta({ id: 'Session' });

const common = { tag: 'Accounts', needs: { scope: null, session: true } } as const;

/** Where somebody is signed in. */
export function sessionRoutes({ accounts }: { accounts: Accounts }): Route[] {
  return [
    route({
      ...common,
      method: 'get',
      path: '/auth/sessions',
      summary: "List the caller's sessions, the newest first",
      query: PageQuery,
      answers: { 200: pageOf(SessionView) },
      rejects: ['INVALID_CURSOR'],
      async handle({ query, caller, request }) {
        const sessions = await accounts.listSessions(caller);
        const items = sessions.map((session) => sessionView(session, caller.sessionId));
        return wholeListAnswer(items, pageRequest(query), request, ({ id }) => id);
      },
    }),
    route({
      ...common,
      method: 'delete',
      path: '/auth/sessions/:session_id',
      summary: 'End a session',
      description: 'Its access tokens stop working at once.',
      params: z.strictObject({ session_id: z.string() }),
      answers: { 204: null },
      rejects: ['SESSION_NOT_FOUND'],
      absent: 'SESSION_NOT_FOUND',
      async handle({ params, caller }) {
        await accounts.endSession(caller, params.session_id);
        return { status: 204 };
      },
    }),
  ];
}

function sessionView({ id, createdAt, lastUsedAt, userAgent, ip }: ListedSession, currentId: string): z.output<typeof SessionView> {
  return {
    id,
    created_at: createdAt.toISOString(),
    last_used_at: lastUsedAt.toISOString(),
    user_agent: userAgent,
    ip,
    current: id === currentId,
  };
}
