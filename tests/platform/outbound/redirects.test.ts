import { expect, test } from '@jest/globals';
import { runWithout } from '../../support/run-weakened.ts';
import type { Redirected } from './redirects.ts';

const redirectedWithout = (defence: string) => runWithout<Redirected>(defence, 'platform/outbound/redirects.ts');
const senders = ['external', 's3', 'traces', 'webhook'];

test('no request that the service sends follows a redirect, and where https is required none is sent in the clear', async () => {
  expect(await redirectedWithout('')).toEqual({ senders, followed: [], isSentInTheClear: false });
}, 30_000);

test.each([
  ['redirects of the external service are not followed', { followed: ['external'], isSentInTheClear: false }],
  ['nothing is sent in the clear in production', { followed: [], isSentInTheClear: true }],
])(
  'without it the request is sent: %s',
  async (defence, sent) => {
    expect(await redirectedWithout(defence)).toMatchObject(sent);
  },
  30_000,
);
