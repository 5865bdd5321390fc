import type { Accounts, SignedIn } from '../../accounts/accounts.ts';
import { asciiAddress } from '../../accounts/email-syntax.ts';
import { accountCall } from '../account-request.ts';
import { type Answer, type Route, route } from '../route.ts';
import { SignedInView, signedInView, UserView, userView } from '../views/user-view.ts';
import { LoginBody, LogoutBody, PasswordBody, ProfileBody, RefreshBody, RegisterBody, toCredentials, toLogout } from './auth-bodies.ts';

/** Signing up, in and out, and the caller's own account. */
export function authRoutes({ accounts }: { accounts: Accounts }): Route[] {
  return [
    route({
      method: 'post',
      path: '/auth/register',
      tag: 'Accounts',
      summary: 'Make an account, and sign in',
      description: "Without `username` it is the e-mail's local part, with a number appended while that is taken.",
      needs: 'open',
      body: RegisterBody,
      answers: { 201: SignedInView },
      rejects: ['EMAIL_TAKEN', 'USERNAME_TAKEN', 'REGISTRATION_CLOSED', 'OVERLOADED'],
      limited: 'registration',
      async handle({ body: { full_name: fullName, ...body }, request }) {
        return tokensAnswer(201, await accounts.register({ ...body, fullName }, accountCall(request)));
      },
    }),
    route({
      method: 'post',
      path: '/auth/login',
      tag: 'Accounts',
      summary: 'Sign in',
      needs: 'open',
      body: LoginBody,
      answers: { 200: SignedInView },
      rejects: ['INVALID_CREDENTIALS', 'ACCOUNT_DISABLED', 'OVERLOADED'],
      limited: { loginOf: ({ email, username }) => (email === undefined ? username! : asciiAddress(email)) },
      async handle({ body, request }) {
        return tokensAnswer(200, await accounts.login(toCredentials(body), accountCall(request)));
      },
    }),
    route({
      method: 'post',
      path: '/auth/refresh',
      tag: 'Accounts',
      summary: 'Get a new pair of tokens',
      description: 'A refresh token is good for one use. One that comes a second time ends its session, access tokens included.',
      needs: 'open',
      body: RefreshBody,
      answers: { 200: SignedInView },
      rejects: ['TOKEN_INVALID', 'TOKEN_EXPIRED', 'TOKEN_REUSED'],
      async handle({ body, request }) {
        return tokensAnswer(200, await accounts.refresh(body.refresh_token, accountCall(request)));
      },
    }),
    route({
      method: 'post',
      path: '/auth/logout',
      tag: 'Accounts',
      summary: 'Sign out',
      description: 'The access tokens of the sessions that end stop working at once.',
      needs: { scope: null, session: true },
      body: LogoutBody,
      answers: { 204: null },
      rejects: ['TOKEN_INVALID'],
      async handle({ body, caller, request }) {
        await accounts.logout(caller, toLogout(body), accountCall(request));
        return { status: 204 };
      },
    }),
    route({
      method: 'post',
      path: '/auth/password',
      tag: 'Accounts',
      summary: "Change the caller's password",
      description: 'All other sessions end, and the webhooks that they made stop until they are reactivated. Personal access tokens stay.',
      needs: { scope: null, session: true },
      body: PasswordBody,
      answers: { 204: null },
      rejects: ['PASSWORD_INCORRECT', 'OVERLOADED'],
      limited: 'password',
      async handle({ body, caller, request }) {
        await accounts.changePassword(caller, { current: body.current_password, next: body.new_password }, accountCall(request));
        return { status: 204 };
      },
    }),
    route({
      method: 'get',
      path: '/auth/me',
      tag: 'Accounts',
      summary: "Read the caller's account",
      needs: { scope: null },
      answers: { 200: UserView },
      rejects: [],
      handle: async ({ caller }) => ({ status: 200, body: userView(await accounts.me(caller)) }),
    }),
    route({
      method: 'patch',
      path: '/auth/me',
      tag: 'Accounts',
      summary: "Change the caller's account",
      needs: { scope: null, session: true },
      body: ProfileBody,
      answers: { 200: UserView },
      rejects: ['USERNAME_TAKEN'],
      async handle({ body: { full_name: fullName, ...body }, caller, request }) {
        return { status: 200, body: userView(await accounts.changeProfile(caller, { ...body, fullName }, accountCall(request))) };
      },
    }),
  ];
}

/** RFC 6749, 5.1: no cache keeps tokens. */
function tokensAnswer(status: 200 | 201, signedIn: SignedIn): Answer {
  return { status, headers: { 'Cache-Control': 'no-store' }, body: signedInView(signedIn) };
}
