import { z } from 'zod';
import { type KnownPreferences, mailedKinds, type PreferenceStore } from '../../accounts/preferences.ts';
import type { MailAddresses } from '../../notifications/mail-addresses.ts';
import { Rejection } from '../../rejection.ts';
import { accountCall } from '../account-request.ts';
import { type Route, route } from '../route.ts';

const Time = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day, as in 22:00');
const QuietHours = z
  .strictObject({ from: Time, to: Time })
  .refine(({ from, to }) => from !== to, { error: 'must not be as `from`', path: ['to'], params: { code: 'format' } })
  .meta({ description: "In the person's time zone; over midnight where `to` is before `from`." });

const settings = {
  email_enabled: z.boolean().meta({ description: 'False: do not disturb. Mails about the security of the account are sent nevertheless.' }),
  quiet_hours: QuietHours.nullable(),
  ...(Object.fromEntries(mailedKinds.map((kind) => [kind, z.boolean()])) as Record<(typeof mailedKinds)[number], z.ZodBoolean>),
};

const PreferencesView = z
  .strictObject({
    ...settings,
    email_verified: z.boolean().meta({ description: 'To an address that is not, only links are mailed that were asked for.' }),
    timezone: z.string().meta({ description: 'Changed with the account: `PATCH /auth/me`.' }),
  })
  .meta({ id: 'NotificationPreferences' });

const ChangesBody = z.strictObject(settings).partial().meta({ id: 'NotificationPreferenceChanges' });
const TokenQuery = z.strictObject({ token: z.string().min(1).max(512).meta({ description: 'As it stands in the mail.' }) });
const UnsubscribedView = z.strictObject({ email_enabled: z.literal(false) }).meta({ id: 'Unsubscribed' });

const tag = 'Notifications';

export interface PreferenceServices {
  preferences: PreferenceStore;
  addresses: Pick<MailAddresses, 'unsubscribing'>;
}

/** What people want to be told, and by mail. */
export function preferenceRoutes({ preferences, addresses }: PreferenceServices): Route[] {
  return [
    route({
      method: 'get',
      path: '/notifications/preferences',
      tag,
      summary: 'What the caller is notified of',
      needs: { scope: 'tasks:read' },
      answers: { 200: PreferencesView },
      rejects: [],
      async handle({ caller }) {
        const known = await preferences.read(caller.id);
        if (!known) throw new Rejection('SESSION_ENDED', 'The account is gone');
        return { status: 200, body: preferencesView(known) };
      },
    }),
    route({
      method: 'patch',
      path: '/notifications/preferences',
      tag,
      summary: 'Change what the caller is notified of',
      needs: { scope: 'tasks:write' },
      body: ChangesBody,
      answers: { 200: PreferencesView },
      rejects: [],
      async handle({ body: { email_enabled: emailEnabled, quiet_hours: quietHours, ...kinds }, caller, request }) {
        const changed = await preferences.change(caller, { emailEnabled, quietHours, ...kinds }, accountCall(request));
        return { status: 200, body: preferencesView(changed) };
      },
    }),
    route({
      method: 'post',
      path: '/notifications/unsubscribe',
      tag,
      summary: 'Get no more mails, with the token that stands in each of them',
      description:
        'One click in a mail program is enough (RFC 8058): the body is whatever that sends. The same as `email_enabled: false`, and taken back by setting that.',
      needs: 'open',
      query: TokenQuery,
      anyBody: true,
      answers: { 200: UnsubscribedView },
      rejects: ['LINK_INVALID'],
      async handle({ query, request }) {
        await preferences.unsubscribe(query.token, accountCall(request));
        return { status: 200, body: { email_enabled: false } };
      },
    }),
    route({
      method: 'get',
      path: '/notifications/unsubscribe',
      tag,
      summary: 'Redirect to the page that ends mails',
      description: 'Changes nothing: a browser that opens the address of `List-Unsubscribe` is sent on to a page with a button.',
      needs: 'open',
      query: TokenQuery,
      gives: ['Location'],
      answers: { 303: null },
      rejects: [],
      handle: ({ query }) => ({ status: 303, headers: { Location: addresses.unsubscribing(query.token), 'Cache-Control': 'no-store' } }),
    }),
  ];
}

function preferencesView({ emailEnabled, quietHours, emailVerified, timezone, ...kinds }: KnownPreferences) {
  return {
    email_enabled: emailEnabled,
    quiet_hours: quietHours,
    ...kinds,
    email_verified: emailVerified,
    timezone,
  } satisfies z.output<typeof PreferencesView>;
}
