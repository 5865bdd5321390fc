import { expect, test } from '@jest/globals';
import { z } from 'zod';
import { createCrowding } from '../../../src/api/crowding.ts';
import { endpointOf } from '../../../src/api/endpoint.ts';
import { route } from '../../../src/api/route.ts';

const common = { tag: 'Things', summary: 'A thing', path: '/things', answers: { 200: z.unknown() }, rejects: [] } as const;
const handle = () => ({ status: 200 });
const needs = { scope: 'tasks:write' } as const;
const command = endpointOf(route({ ...common, method: 'post', needs, handle }));
const others = {
  reading: endpointOf(route({ ...common, method: 'get', needs: { scope: 'tasks:read' }, handle })),
  'signing in': endpointOf(route({ ...common, method: 'post', needs: 'open', handle })),
  uploading: endpointOf(route({ ...common, method: 'post', needs, upload: 'file', handle })),
};

/** Commands under way that last until they are let go. */
function underWay(crowding: ReturnType<typeof createCrowding>, count: number) {
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const answers = Array.from({ length: count }, () =>
    crowding.carryOut(command, async () => {
      await finished;
      return { status: 200 };
    }),
  );
  return { answers, finish };
}

test('commands beyond those that can be done at once are refused, and let in again when there is room', async () => {
  const crowding = createCrowding({ mostAtOnce: 3, heldFor: 1 });
  const first = underWay(crowding, 2);
  expect(crowding.refusal(command)).toBeUndefined();
  const last = underWay(crowding, 1);
  await expect(crowding.refusal(command)).rejects.toMatchObject({ code: 'OVERLOADED' });
  last.finish();
  await Promise.all(last.answers);
  expect(crowding.refusal(command)).toBeUndefined();
  first.finish();
  await Promise.all(first.answers);
});

test('a command that fails makes room too', async () => {
  const crowding = createCrowding({ mostAtOnce: 1 });
  await expect(crowding.carryOut(command, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(crowding.refusal(command)).toBeUndefined();
});

test.each(Object.entries(others))('%s is neither counted nor refused', async (_, endpoint) => {
  const crowding = createCrowding({ mostAtOnce: 1, heldFor: 1 });
  let isFull = true;
  await crowding.carryOut(endpoint, () => {
    isFull = crowding.refusal(command) !== undefined;
    return { status: 200 };
  });
  expect(isFull).toBe(false);
  const { answers, finish } = underWay(crowding, 1);
  expect(crowding.refusal(endpoint)).toBeUndefined();
  finish();
  await Promise.all(answers);
});

test('refusals are held back, so many of them', async () => {
  const crowding = createCrowding({ mostAtOnce: 0, heldFor: 300, mostHeld: 1 });
  const since = performance.now();
  const held = crowding.refusal(command)!.catch(() => performance.now() - since);
  const atOnce = crowding.refusal(command)!.catch(() => performance.now() - since);
  expect(await atOnce).toBeLessThan(250);
  expect(await held).toBeGreaterThan(290);
});
