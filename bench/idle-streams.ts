import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from '../tests/support/service.ts';
import { startServiceProcess } from '../tests/support/service-process.ts';

/** What idle streams of events cost: memory, processor time, and the time of commands beside them. */
const PEOPLE = 100;
const EACH = 10;
const COMMANDS = 300;

const directory = await mkdtemp(join(tmpdir(), 'tasktrail-streams-'));
const service = await startServiceProcess({ DATA_DIR: directory });
const anonymous = createClient(service.url);

async function resident(): Promise<number> {
  const status = await readFile(`/proc/${service.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

async function processorSeconds(): Promise<number> {
  const fields = (await readFile(`/proc/${service.child.pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function commands(token: string): Promise<{ p50: number; p95: number; perSecond: number }> {
  const client = createClient(service.url, token);
  const times: number[] = [];
  const since = performance.now();
  for (let n = 0; n < COMMANDS; n++) {
    const from = performance.now();
    await client.post('/tasks', { title: `Task ${n}` });
    times.push(performance.now() - from);
  }
  times.sort((a, b) => a - b);
  return {
    p50: times[COMMANDS / 2]!,
    p95: times[Math.floor(COMMANDS * 0.95)]!,
    perSecond: Math.round((COMMANDS / (performance.now() - since)) * 1000),
  };
}

async function idle(): Promise<string> {
  const [from, since] = [await processorSeconds(), performance.now()];
  await pause(10_000);
  return `${(((await processorSeconds()) - from) / ((performance.now() - since) / 100_000)).toFixed(1)} % of a processor when idle`;
}

try {
  const tokens: string[] = [];
  // One more, who does something and has no stream.
  for (let n = 0; n <= PEOPLE; n++) {
    const { body } = await anonymous.post('/auth/register', {
      email: `person-${n}@tasks.test`,
      username: `person-${n}`,
      password: 'Passw0rd-of-mine',
    });
    if (!body.access_token) throw new Error(JSON.stringify(body));
    tokens.push(body.access_token);
  }
  await commands(tokens[0]!);
  const before = { commands: await commands(tokens[0]!), idle: await idle(), memory: await resident() };
  console.log('without streams', before);
  let pings = 0;
  for (const token of tokens.slice(1)) {
    await Promise.all(
      Array.from(
        { length: EACH },
        () =>
          new Promise<void>((resolve, reject) => {
            const request = get(`${service.url}/api/v1/events/stream?after=head`, {
              agent: false,
              headers: { authorization: `Bearer ${token}` },
            });
            request.on('error', reject).on('response', (response) => {
              if (response.statusCode !== 200) reject(new Error(`answered with ${response.statusCode}`));
              response.on('data', (piece) => {
                if (String(piece).includes('caught_up')) resolve();
                if (String(piece).includes(': ping')) pings++;
              });
            });
          }),
      ),
    );
  }
  const opened = await resident();
  const after = { idle: await idle(), commands: await commands(tokens[0]!), memory: await resident(), opened };
  await pause(10_000);
  console.log(`with ${PEOPLE * EACH} streams`, after, { pings, more: `${Math.round(opened - before.memory)} MB` });
} finally {
  await service.end('SIGTERM');
  await rm(directory, { recursive: true, force: true });
}
process.exit(0);
