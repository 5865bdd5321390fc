import { z } from 'zod';
import type { AddressProofs } from '../../accounts/address-proofs.ts';
import { Email, Password } from '../../accounts/credentials.ts';
import { Id } from '../../events/values.ts';
import type { MailAddresses } from '../../notifications/mail-addresses.ts';
import { accountCall } from '../account-request.ts';
import { type Route, route } from '../route.ts';

export interface MailedLinkServices {
  proofs: AddressProofs;
  addresses: MailAddresses;
}

const Token = z.string().min(1).max(512);
const EmailBody = z.strictObject({ email: Email }).meta({ id: 'PasswordReset' });
const NewPasswordBody = z.strictObject({ token: Token, new_password: Password }).meta({ id: 'PasswordResetConfirmation' });
// The current one may be older than today's rules.
const EmailChangeBody = z.strictObject({ new_email: Email, password: z.string().min(1).max(1024) }).meta({ id: 'EmailChange' });
const TokenBody = z.strictObject({ token: Token }).meta({ id: 'EmailVerification' });
const TokenQuery = z.strictObject({ token: Token.meta({ description: 'As it was mailed.' }) });
const VerifiedView = z.strictObject({ email_verified: z.literal(true) }).meta({ id: 'EmailVerified' });

const accepted = { status: 202 } as const;

/** What people prove by links that are mailed to them. */
export function mailedLinkRoutes(services: MailedLinkServices): Route[] {
  return [...passwordResets(services), ...emailAddresses(services)];
}

function passwordResets({ proofs }: MailedLinkServices): Route[] {
  return [
    route({
      method: 'post',
      path: '/auth/password-reset',
      tag: 'Accounts',
      summary: 'Have a link mailed to reset a forgotten password',
      description: 'The answer is the same whether there is such an account or not. The link works once, for 30 minutes.',
      needs: 'open',
      body: EmailBody,
      answers: { 202: null },
      rejects: [],
      limited: 'mail',
      async handle({ body }) {
        await proofs.requestPasswordReset(body.email);
        return accepted;
      },
    }),
    route({
      method: 'post',
      path: '/auth/password-reset/confirm',
      tag: 'Accounts',
      summary: 'Choose a new password, with the token of the link',
      description: 'All sessions and personal access tokens of the account end.',
      needs: 'open',
      body: NewPasswordBody,
      answers: { 204: null },
      rejects: ['LINK_INVALID', 'OVERLOADED'],
      async handle({ body, request }) {
        await proofs.resetPassword(body.token, body.new_password, accountCall(request));
        return { status: 204 };
      },
    }),
    route({
      method: 'post',
      path: '/admin/users/:id/password-reset',
      tag: 'Admin',
      summary: 'Have somebody mailed a link to reset their password',
      description: 'The password that they have holds until then. Whose account is disabled is mailed nothing.',
      needs: { scope: null, admin: true, session: true },
      params: z.strictObject({ id: Id }),
      answers: { 202: null },
      rejects: ['ADMIN_ONLY', 'USER_NOT_FOUND'],
      absent: 'USER_NOT_FOUND',
      limited: 'mail',
      async handle({ params }) {
        await proofs.requestPasswordResetFor(params.id);
        return accepted;
      },
    }),
  ];
}

function emailAddresses({ proofs, addresses }: MailedLinkServices): Route[] {
  return [
    route({
      method: 'post',
      path: '/auth/me/email',
      tag: 'Accounts',
      summary: "Change the caller's e-mail address",
      description:
        'A link is mailed to the new address, and a note to the old one if that is verified. The address is changed when the token of the link is shown to `POST /notifications/verify`; it works once, for 24 hours. Only the last such link holds.',
      needs: { scope: null, session: true },
      body: EmailChangeBody,
      answers: { 202: null },
      rejects: ['PASSWORD_INCORRECT', 'EMAIL_TAKEN', 'OVERLOADED'],
      limited: ['password', 'mail'],
      async handle({ body, caller }) {
        await proofs.requestEmailChange(caller, { newEmail: body.new_email, password: body.password });
        return accepted;
      },
    }),
    route({
      method: 'post',
      path: '/notifications/subscribe',
      tag: 'Notifications',
      summary: "Have a link mailed that verifies the caller's e-mail address",
      description: 'Other mails go to verified addresses only. The link works once, for 24 hours. To a verified address none is sent.',
      needs: { scope: 'tasks:write' },
      answers: { 202: null },
      rejects: [],
      limited: 'mail',
      async handle({ caller }) {
        await proofs.requestVerification(caller);
        return accepted;
      },
    }),
    route({
      method: 'post',
      path: '/notifications/verify',
      tag: 'Notifications',
      summary: 'Verify an e-mail address, with the token of the link',
      description: 'Where the link was to a new address, that is the address of the account from then on.',
      needs: 'open',
      body: TokenBody,
      answers: { 200: VerifiedView },
      rejects: ['LINK_INVALID', 'EMAIL_TAKEN'],
      async handle({ body, request }) {
        await proofs.verify(body.token, accountCall(request));
        return { status: 200, body: { email_verified: true } };
      },
    }),
    route({
      method: 'get',
      path: '/notifications/verify',
      tag: 'Notifications',
      summary: 'Where the link leads: on to a page with a button',
      description: 'Changes nothing, for scanners of mails open links.',
      needs: 'open',
      query: TokenQuery,
      gives: ['Location'],
      answers: { 303: null },
      rejects: [],
      handle: ({ query }) => ({ status: 303, headers: { Location: addresses.verificationPage(query.token), 'Cache-Control': 'no-store' } }),
    }),
  ];
}
