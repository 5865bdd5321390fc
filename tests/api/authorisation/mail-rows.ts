import type { ObjectKind, Row } from './row.ts';

const open: Row = { for: 'everybody', token: null, done: '400 LINK_INVALID', object: 'nothing' };
const own: Row = { for: 'the signed in', token: 'tasks:read', done: 200, object: 'nothing' };
const noToken = () => `token=${'A'.repeat(64)}`;

const ofUsers: ObjectKind = {
  absent: 'USER_NOT_FOUND',
  states: ['own', 'absent', 'no id at all'],
  make: async ({ people }) => people.stranger.id,
};

const ofNotifications: ObjectKind = {
  absent: 'NOTIFICATION_NOT_FOUND',
  states: ['own', 'absent'],
  make: ({ people, owner }) => people.notification(owner),
};

/** Mails, and what the links in them are good for. */
export const mailRows: Record<string, Row | Row[]> = {
  'POST /auth/password-reset': { ...open, done: 202, body: () => ({ email: 'nobody-at-all@tasks.test' }) },
  'POST /auth/password-reset/confirm': { ...open, body: () => ({ token: 'x', new_password: 'Passw0rd-of-mine' }) },
  'POST /admin/users/:id/password-reset': { for: 'admins', token: 'session', done: 202, object: ofUsers, body: () => ({}) },
  'POST /auth/me/email': {
    for: 'the signed in',
    token: 'session',
    done: '403 PASSWORD_INCORRECT',
    object: 'nothing',
    oneByOne: true,
    body: () => ({ new_email: 'somewhere-else@tasks.test', password: 'Not-their-passw0rd' }),
  },
  'POST /notifications/subscribe': { ...own, token: 'tasks:write', done: 202, body: () => ({}) },
  'POST /notifications/verify': { ...open, body: () => ({ token: 'x' }) },
  'GET /notifications/verify': { ...open, done: 303, query: noToken },
  'GET /notifications': {
    ...own,
    object: ofNotifications,
    query: () => 'limit=100',
    list: {
      shows: (relation) => relation === 'owner',
      has: ({ body }, { id }) => body.items.some((item: { id: string }) => item.id === id),
    },
  },
  'POST /notifications/read': [
    {
      ...own,
      for: { theOwnerOf: 'a notification' },
      token: 'tasks:write',
      done: 204,
      object: ofNotifications,
      body: ({ id }) => ({ ids: [id] }),
    },
    { ...own, as: 'all', token: 'tasks:write', done: 204, body: () => ({ all: true }) },
  ],
  'GET /notifications/preferences': own,
  'PATCH /notifications/preferences': { ...own, token: 'tasks:write', body: () => ({}) },
  'POST /notifications/unsubscribe': { ...open, query: noToken, body: () => ({}) },
  'GET /notifications/unsubscribe': { ...open, done: 303, query: noToken },
};
