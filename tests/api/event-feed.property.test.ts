import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { expectFeedToBeExact } from '../support/feed-property.ts';
import { startTestService, type TestService } from '../support/service.ts';

jest.setTimeout(120_000);

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service?.stop());

test('whoever goes away at random gets exactly what they may see, while access comes and goes', async () => {
  await expectFeedToBeExact(service, 2_000, 7);
  expect.hasAssertions();
});
