import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Benchmark, Stage } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { measured } from '../support/load.ts';
import { residentMegabytes } from '../support/memory.ts';
import { cpuTime } from '../support/server-process.ts';
import { type Person, register, type Service, startPostgres, startService } from '../support/service.ts';

const eachOpens = 10;

/** What idle streams of events cost: memory, processor time, and the time of commands beside them. */
export const benchmark: Benchmark = {
  id: 'streams',
  title: 'open streams of events on which nothing happens',
  figures: [],
  ownRunOnly: true,
  async run(stage) {
    const service = await startService(stage, { DATABASE_URL: await startPostgres(stage) });
    const writer = await register(service, 'writer');
    const people: Person[] = [];
    while (people.length < stage.pick(100, 10)) people.push(await register(service, `person-${people.length}`));
    await commands(stage, service, writer);
    const without = await look(stage, service, writer);
    for (const { token } of people) await Promise.all(Array.from({ length: eachOpens }, () => openStream(stage, service, token)));
    const beside = await look(stage, service, writer);
    const table = {
      title: 'Idle streams',
      columns: ['streams', 'resident MB', '% of a processor when idle', 'command p50 ms', 'p99 ms'],
      rows: [
        [0, ...without],
        [people.length * eachOpens, ...beside],
      ],
      note: `Of ${people.length} people, while another creates tasks at four connections.`,
    };
    return { figures: {}, tables: [table] };
  },
};

async function look(stage: Stage, service: Service, writer: Person): Promise<string[]> {
  const { pid } = service.child;
  const { p50, p99 } = await commands(stage, service, writer);
  await pause(2_000);
  const [cpu, since] = [cpuTime(pid!), performance.now()];
  await pause(stage.pick(10_000, 3_000));
  const idle = (cpuTime(pid!) - cpu) / (performance.now() - since) / 10;
  return [residentMegabytes(pid!).toFixed(0), idle.toFixed(1), p50.toFixed(2), p99.toFixed(2)];
}

function commands(stage: Stage, service: Service, writer: Person) {
  return measured(stage, 'create', service, { ...createTask(writer), connections: 4, seconds: stage.pick(5, 1) });
}

/** Fulfilled when it has caught up. */
function openStream({ closing }: Stage, { port }: Service, token: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const url = `http://127.0.0.1:${port}/api/v1/events/stream?after=head`;
    const request = get(url, { agent: false, headers: { authorization: `Bearer ${token}` } });
    closing.add('stream', async () => void request.destroy());
    request.on('error', reject).on('response', (response) => {
      if (response.statusCode !== 200) reject(new Error(`a stream was answered with ${response.statusCode}`));
      // Its end is ours.
      response.on('error', () => {});
      response.on('data', (piece) => String(piece).includes('caught_up') && resolve());
    });
  });
}
