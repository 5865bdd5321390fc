import { z } from 'zod';
import type { PersonalToken, PersonalTokens } from '../../accounts/personal-tokens.ts';
import { Scope, scopes } from '../../accounts/scope.ts';
import { Id, isStorable } from '../../events/values.ts';
import { accountCall } from '../account-request.ts';
import { growing } from '../forms.ts';
import { type Route, route } from '../route.ts';
import { PageQuery, pageOf, pageRequest } from '../views/listing-view.ts';
import { wholeListAnswer } from '../views/whole-list.ts';
import { hasVisibleText, notEmpty } from '../visible-text.ts';

const Name = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .refine(hasVisibleText, notEmpty)
  .refine(isStorable, { error: 'must be well-formed text without NUL characters', params: { code: 'format' } })
  .meta({ description: 'What it is for, in the words of its owner.' });

const latest = Date.parse('9999-12-31T23:59:59.999Z');
const isAhead = (time: string) => Date.parse(time) > Date.now() && Date.parse(time) <= latest;
const ExpiresAt = z
  .string()
  .toUpperCase()
  .pipe(z.iso.datetime({ offset: true, abort: true, error: 'must be a time with an offset, as in 2026-01-31T12:00:00Z' }))
  .refine(isAhead, { error: 'must be in the future, and before the year 10000', params: { code: 'too_small' } })
  .meta({ format: 'date-time', description: 'A time in the future, with an offset. Without one it does not expire.' });

const TokenBody = z
  .strictObject({ name: Name, scopes: z.array(Scope).min(1).max(scopes.length), expires_at: ExpiresAt.nullish() })
  .meta({ id: 'NewAccessToken' });

const shown = {
  id: Id,
  name: z.string(),
  scopes: z.array(growing(scopes)),
  created_at: z.iso.datetime({ precision: 3 }),
  expires_at: z.iso.datetime({ precision: 3 }).nullable(),
};
const TokenView = z.strictObject(shown).meta({ id: 'AccessToken' });
const CreatedTokenView = z
  .strictObject({ ...shown, token: z.string().meta({ description: 'The secret. It is shown this once.' }) })
  .meta({ id: 'CreatedAccessToken' });

const common = { tag: 'Accounts', needs: { scope: null, session: true } } as const;

/** Personal access tokens: what programs sign in with. */
export function tokenRoutes({ tokens }: { tokens: PersonalTokens }): Route[] {
  return [
    route({
      ...common,
      method: 'get',
      path: '/auth/tokens',
      summary: "List the caller's personal access tokens, the newest first",
      query: PageQuery,
      answers: { 200: pageOf(TokenView) },
      rejects: ['INVALID_CURSOR'],
      async handle({ query, caller, request }) {
        const items = (await tokens.list(caller.id)).map(tokenView);
        return wholeListAnswer(items, pageRequest(query), request, ({ id }) => id);
      },
    }),
    route({
      ...common,
      method: 'post',
      path: '/auth/tokens',
      summary: 'Make a personal access token',
      description:
        '`tasks:read` reads tasks, tags, activity, files, users and notifications; `tasks:write` changes them too; `events:read` reads events, webhooks and deliveries; `webhooks:manage` makes and changes webhooks too; `admin` allows what admins may do, is granted by admins alone, and is removed for good when its owner loses the role. No token manages tokens, sessions, passwords or accounts.',
      body: TokenBody,
      answers: { 201: CreatedTokenView },
      rejects: ['ADMIN_ONLY', 'LIMIT_REACHED'],
      async handle({ body, caller, request }) {
        const wanted = { name: body.name, scopes: body.scopes, expiresAt: body.expires_at ? new Date(body.expires_at) : null };
        const { secret, ...token } = await tokens.create(caller, wanted, accountCall(request));
        return { status: 201, headers: { 'Cache-Control': 'no-store' }, body: { ...tokenView(token), token: secret } };
      },
    }),
    route({
      ...common,
      method: 'delete',
      path: '/auth/tokens/:token_id',
      summary: 'Revoke a personal access token',
      description: 'It stops working at once.',
      params: z.strictObject({ token_id: z.string() }),
      answers: { 204: null },
      rejects: ['ACCESS_TOKEN_NOT_FOUND'],
      absent: 'ACCESS_TOKEN_NOT_FOUND',
      async handle({ params, caller, request }) {
        await tokens.revoke(caller, params.token_id, accountCall(request));
        return { status: 204 };
      },
    }),
  ];
}

function tokenView({ id, name, scopes, createdAt, expiresAt }: PersonalToken): z.output<typeof TokenView> {
  return { id, name, scopes, created_at: createdAt.toISOString(), expires_at: expiresAt?.toISOString() ?? null };
}
