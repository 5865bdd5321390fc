import { randomUUID } from 'node:crypto';
import type { ObjectKind, Row } from './row.ts';
import { makeToken } from './tokens.ts';

const open: Row = { for: 'everybody', token: null, done: 200, object: 'nothing' };
const own: Row = { for: 'the signed in', token: null, done: 200, object: 'nothing' };
const session: Row = { ...own, token: 'session' };
const password = 'Passw0rd-of-mine';

const ofSessions: ObjectKind = {
  absent: 'SESSION_NOT_FOUND',
  states: ['own', 'deleted', 'absent', 'no id at all'],
  async make({ people, state }) {
    const made = await people.session('owner');
    if (state === 'deleted') await people.endSession(made, people.owner);
    return made.id;
  },
};

const ofTokens: ObjectKind = {
  absent: 'ACCESS_TOKEN_NOT_FOUND',
  states: ['own', 'deleted', 'absent', 'no id at all'],
  async make({ people: { owner }, state }) {
    const { id } = await makeToken(owner, ['tasks:read']);
    if (state === 'deleted') await owner.delete(`/auth/tokens/${id}`);
    return id;
  },
};

const ofWebhooks: ObjectKind = {
  absent: 'WEBHOOK_NOT_FOUND',
  states: ['own', 'absent', 'no id at all'],
  make: ({ people, owner }) => people.webhook(owner),
};

const webhook: Row = { ...own, for: { theOwnerOf: 'a webhook' }, token: 'events:read', object: ofWebhooks };
const managedWebhook: Row = { ...webhook, token: 'webhooks:manage' };
// To nobody, about nothing: what the calls of others do is not to be sent.
const newWebhook = { url: 'https://93.184.215.14/', types: ['user.erased'] };

export const webhookRows: Record<string, Row | Row[]> = {
  'GET /webhooks': { ...own, token: 'events:read' },
  // Some of them have as many as one may by then.
  'POST /webhooks': { ...own, token: 'webhooks:manage', done: [201, '409 LIMIT_REACHED'], body: () => newWebhook },
  'GET /webhooks/:id': webhook,
  'PATCH /webhooks/:id': { ...managedWebhook, body: () => ({ description: 'changed' }) },
  'DELETE /webhooks/:id': { ...managedWebhook, done: 204 },
  'POST /webhooks/:id/rotate': { ...managedWebhook, body: () => ({}) },
  'POST /webhooks/:id/test': { ...managedWebhook, done: 202, body: () => ({}) },
  'GET /webhooks/:id/deliveries': webhook,
  'POST /webhooks/:id/deliveries/:delivery_id/redeliver': {
    ...managedWebhook,
    done: '404 DELIVERY_NOT_FOUND',
    params: () => ({ delivery_id: randomUUID() }),
    body: () => ({}),
  },
  'POST /webhooks/:id/replay': { ...managedWebhook, done: 202, body: () => ({ after: '0' }) },
};

export const accountRows: Record<string, Row | Row[]> = {
  'POST /auth/register': { ...open, oneByOne: true, done: 201, body: ({ number }) => ({ email: `new-${number}@tasks.test`, password }) },
  'POST /auth/login': { ...open, oneByOne: true, body: ({ people }) => ({ username: people.owner.username, password }) },
  'POST /auth/refresh': { ...open, ownSession: true, body: ({ session }) => ({ refresh_token: session.refreshToken }) },
  'POST /auth/logout': { ...session, done: 204, ownSession: true, body: () => ({}) },
  // Its right answer would end the sessions of everybody else here.
  'POST /auth/password': {
    ...session,
    oneByOne: true,
    done: '403 PASSWORD_INCORRECT',
    body: () => ({ current_password: `${password}!`, new_password: `${password}?` }),
  },
  'GET /auth/sessions': session,
  'DELETE /auth/sessions/:session_id': { ...session, for: { theOwnerOf: 'a session' }, done: 204, object: ofSessions },
  'GET /auth/tokens': session,
  'POST /auth/tokens': { ...session, done: 201, body: () => ({ name: 'new', scopes: ['tasks:read'] }) },
  'DELETE /auth/tokens/:token_id': { ...session, for: { theOwnerOf: 'a token' }, done: 204, object: ofTokens },
  'GET /auth/me': own,
  // Their right answer would be the end of everybody else here.
  'DELETE /auth/me': { ...session, oneByOne: true, done: '403 PASSWORD_INCORRECT', body: () => ({ password: `${password}!` }) },
  'POST /auth/me/erase': { ...session, oneByOne: true, done: '403 PASSWORD_INCORRECT', body: () => ({ password: `${password}!` }) },
  'GET /auth/me/export': { ...session, oneByOne: true },
  'PATCH /auth/me': { ...session, body: () => ({}) },
  'GET /events': { ...own, token: 'events:read' },
  'GET /events/stream': { ...own, token: 'events:read', oneByOne: true },
  'GET /users': { ...own, token: 'tasks:read', query: () => 'search=the' },
};

const admin: Row = { for: 'admins', token: 'admin', done: 200 };
const managing: Row = { ...admin, token: 'session' };

const ofUsers: ObjectKind = {
  absent: 'USER_NOT_FOUND',
  states: ['own', 'absent', 'no id at all'],
  make: async ({ people }) => people.stranger.id,
};

const theAdmin: ObjectKind = { ...ofUsers, make: async ({ people }) => people.admin.id };

const ofJobs: ObjectKind = {
  absent: 'JOB_NOT_FOUND',
  states: ['own'],
  // Of one that a user has started, its own test says for whom it is there.
  async make({ people }) {
    const { body } = await people.anonymous.send('POST', '/async/background-task', { body: JSON.stringify({ steps: 1, step_ms: 0 }) });
    return body.id;
  },
};

const ofDeadLetters: ObjectKind = {
  absent: 'DEAD_LETTER_NOT_FOUND',
  states: ['own', 'absent', 'no id at all'],
  make: async ({ people }) => people.deadLetter(),
};

export const adminRows: Record<string, Row | Row[]> = {
  'GET /admin/users': { ...admin, object: 'nothing' },
  'POST /admin/users': {
    ...managing,
    oneByOne: true,
    done: 201,
    object: 'nothing',
    body: ({ number }) => ({ email: `made-${number}@tasks.test`, password }),
  },
  'GET /admin/users/:id': { ...admin, object: ofUsers },
  'PATCH /admin/users/:id': { ...managing, object: ofUsers, body: () => ({ is_active: true }) },
  // All guards are passed, but the one that keeps the only admin.
  'DELETE /admin/users/:id': { ...managing, object: theAdmin, done: '409 LAST_ADMIN', body: () => ({}) },
  'GET /admin/security-events': { ...admin, object: 'nothing' },
  'GET /admin/projections': { ...admin, object: 'nothing' },
  'GET /admin/projections/:name': { ...admin, object: 'projection' },
  'GET /admin/dead-letters': { ...admin, object: 'nothing' },
  'POST /admin/dead-letters/:id/retry': { ...admin, object: ofDeadLetters },
  'POST /admin/dead-letters/:id/skip': { ...admin, object: ofDeadLetters, body: () => ({ reason: 'It is of no use to anybody' }) },
  // Two at once are one too many.
  'POST /admin/projections/:name/rebuild': { ...admin, object: 'projection', done: [202, 409] },
};

const atTheRoot = [
  '/health',
  '/ops/health',
  '/health/detailed',
  '/ready',
  '/version',
  '/ops/metrics',
  '/metrics',
  '/openapi.json',
  '/asyncapi.json',
];
const pages = [
  ...[
    '/',
    '/docs',
    '/redoc',
    '/verify',
    '/password-reset',
    '/unsubscribe',
    '/pages/mailed-link.js',
    '/pages/page.css',
    '/pages/docs.js',
    '/pages/redoc.js',
  ],
  ...['/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/docs/favicon-32x32.png', '/favicon.ico', '/redoc/redoc.standalone.js'],
];

/** What is open to all and takes nothing. */
export const openRows: Record<string, Row | Row[]> = {
  'GET /workflow': open,
  'POST /async/background-task at the root': { ...open, done: 202, body: () => ({ steps: 1, step_ms: 0 }) },
  'GET /async/tasks/:id at the root': { ...open, object: ofJobs },
  'GET /async/external at the root': { ...open, done: '503 EXTERNAL_NOT_CONFIGURED' },
  'GET /docs': { ...open, done: 302 },
  'GET /redoc': { ...open, done: 302 },
  ...Object.fromEntries([...atTheRoot, ...pages].map((path) => [`GET ${path} at the root`, open])),
};
