import { expect, test } from '@jest/globals';
import { healthOfSubscriber } from '../../../src/subscribers/engine/observe.ts';

const overview = {
  name: 'kafka',
  position: 10n,
  status: { state: 'live' as const, error: null, heartbeat: new Date() },
  lag: { events: 0, seconds: 0 },
  waiting: 3,
};

test('a subscriber is healthy with dead letters of one task, which one person can cause, and degraded with those of two', () => {
  expect(healthOfSubscriber({ ...overview, deadLetters: 2, deadStreams: 1 } as never)).toMatchObject({
    status: 'healthy',
    dead_letters: 2,
  });
  expect(healthOfSubscriber({ ...overview, deadLetters: 2, deadStreams: 2 } as never).status).toBe('degraded');
});
