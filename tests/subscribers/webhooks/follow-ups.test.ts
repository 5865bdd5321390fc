import { expect, test } from '@jest/globals';
import { startFollowUps } from '../../../src/subscribers/webhooks/follow-ups.ts';
import { keptLog } from '../../accounts/support.ts';

test('what a caller makes from the follow-ups is not called before it is made', async () => {
  const log = keptLog();
  const upkeep = { cancelSome: async () => false, expediteSome: async () => false, listStopped: async () => [] };
  let calls = 0;
  const followUps = startFollowUps({ upkeep, log, onDue: () => {}, disableExpired: () => webhooks.disableExpired() });
  const webhooks = { followUps, disableExpired: async () => void calls++ };
  await new Promise((resolve) => setImmediate(resolve));
  await followUps.close();
  expect([calls, log.lines]).toEqual([1, []]);
});
