import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { openKafkaTopic } from '../../../src/subscribers/kafka/kafka-topic.ts';
import { Refused, Unreachable } from '../../../src/subscribers/subscriber.ts';
import { startBroker, type TestBroker } from '../../support/kafka-broker.ts';
import { settingsFor, silent } from './publish.ts';

const brokers: TestBroker[] = [];
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop();
});

async function started(): Promise<TestBroker> {
  const broker = await startBroker();
  brokers.push(broker);
  return broker;
}

/** An address that refuses connections. */
async function closedAddress(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return `127.0.0.1:${port}`;
}

const openSockets = () => process.getActiveResourcesInfo().filter((name) => /TCP(Socket)?Wrap|TLSWrap/.test(name)).length;

describe('the list of brokers', () => {
  test.each([2, 3, 4, 5])('of %i is tried whole before the cluster counts as away, whichever of them is well', async (size) => {
    const well = await started();
    for (let place = 0; place < size; place++) {
      const addresses = await Promise.all(Array.from({ length: size }, (_, n) => (n === place ? well.address : closedAddress())));
      const topic = openKafkaTopic(settingsFor(addresses), silent);
      expect((await topic.inspect()).clusterId).toBe(well.clusterId);
      topic.close();
    }
  });

  test('is gone on with behind a broker that accepts and stays mute', async () => {
    const [mute, well] = [await started(), await started()];
    mute.isMute = true;
    const topic = openKafkaTopic(settingsFor([mute.address, well.address]), silent);
    expect((await topic.inspect()).clusterId).toBe(well.clusterId);
    topic.close();
  }, 30_000);

  test('names every broker when none of them is there', async () => {
    const addresses = [await closedAddress(), await closedAddress()];
    const failure = await openKafkaTopic(settingsFor(addresses), silent)
      .inspect()
      .catch((error) => error);
    expect(failure).toBeInstanceOf(Unreachable);
    for (const address of addresses) expect(failure.message).toContain(address);
  });
});

describe('a failed attempt', () => {
  test('leaves no socket open, at a broker that stays mute', async () => {
    const mute = await started();
    mute.isMute = true;
    const before = openSockets();
    const topic = openKafkaTopic(settingsFor([mute.address]), silent);
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(topic.inspect()).rejects.toThrow(Unreachable);
      for (const deadline = Date.now() + 2_000; mute.connections > 0 && Date.now() < deadline; )
        await new Promise((resolve) => setTimeout(resolve, 10));
      expect([mute.connections, openSockets() - before]).toEqual([0, 0]);
    }
  }, 60_000);
});

describe('what waiting does not heal', () => {
  test('is a refusal: a wrong password', async () => {
    const broker = await started();
    const sasl = { mechanism: 'plain', username: 'ada', password: 'wrong' } as const;
    await expect(openKafkaTopic(settingsFor([broker.address], { sasl }), silent).inspect()).rejects.toThrow(Refused);
  });

  test('is a refusal: a topic that may not be created', async () => {
    const broker = await started();
    broker.mayWrite = false;
    await expect(openKafkaTopic(settingsFor([broker.address]), silent).inspect()).rejects.toThrow(Refused);
  });

  test('is a refusal: plain text to a port that speaks TLS', async () => {
    const server = createServer(
      (socket) => void socket.on('error', () => {}).once('data', () => socket.end(Buffer.from('15030100020246', 'hex'))),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(openKafkaTopic(settingsFor([address]), silent).inspect()).rejects.toThrow('set KAFKA_SSL=true');
    server.close();
  });
});
