import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { expectFeedToBeExact } from '../support/feed-property.ts';
import { openStream } from '../support/server-sent-events.ts';
import { type Client, startTestService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startTestService();
});
afterAll(() => service?.stop());

/** Asks for the live stream and reads nothing of it. */
async function deafStream({ url }: TestService, { token }: Client): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`GET /api/v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  socket.on('error', () => {});
  return socket.pause();
}

test('whoever goes away at random gets exactly what they may see of 10,000 events', async () => {
  await expectFeedToBeExact(service, 10_000, 11);
});

test('a client that does not read is dropped, and with its session at once', async () => {
  const ann = await service.someone('ann');
  const { body: task } = await ann.post('/tasks', { title: 'Long' });
  // More than the buffers of the kernel hold on both sides.
  for (let n = 0; n < 2_000; n += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, m) => ann.patch(`/tasks/${task.id}`, { description: `${n + m} `.padEnd(5_000, 'x') })),
    );
  }
  const deaf = await deafStream(service, ann);
  const other = await service.anonymous.post('/auth/login', { username: 'ann', password: 'Passw0rd-of-mine' });
  const deafToo = await deafStream(service, { ...ann, token: other.body.access_token });
  await pause(2_000);
  await service.as({ ...ann, token: other.body.access_token }).post('/auth/logout', {});
  const closed = async (socket: Socket) => {
    const since = performance.now();
    // It hears of its end only behind what the kernel holds for it.
    await Promise.race([once(socket.resume(), 'close'), pause(30_000, undefined, { ref: false })]);
    return performance.now() - since;
  };
  await pause(1_500);
  expect(await closed(deafToo)).toBeLessThan(2_000);
  // Half a minute, and one round of the timer.
  await pause(42_000);
  expect(await closed(deaf)).toBeLessThan(2_000);
});

test('a stream outlives none of its events when access is taken from a client that reads slowly', async () => {
  const [ann, bob] = await Promise.all([service.someone('anna'), service.someone('bobby')]);
  const { body: task } = await ann.post('/tasks', { title: 'Slow' });
  await ann.post(`/tasks/${task.id}/share`, { user_id: bob.id });
  const stream = await openStream(`${service.url}/api/v1/events/stream`, bob.token);
  await stream.until(({ event }) => event === 'caught_up');
  await ann.delete(`/tasks/${task.id}/share/${bob.id}`);
  const lost = await stream.until(({ event }) => event === 'tasktrail.task.unshared.v1', 1_000);
  expect(lost.data.data).toEqual({ task: { id: task.id } });
  stream.close();
});
