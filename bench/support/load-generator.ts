import { type Connection, openConnection } from '../../src/tools/load/connection.ts';
import { type Percentiles, percentilesOf } from './percentiles.ts';
import { createRequests, type Work } from './requests.ts';

/** A load of HTTP/1.1 requests over kept-alive connections, from a process of its own. */
export interface Load extends Work {
  port: number;
  /** How many there are at once, each with one request under way at most. */
  connections: number;
  /** How long what is answered counts, after a quarter of a second that does not. */
  seconds: number;
  /**
   * How many requests arrive each second, whatever becomes of those before: an open loop. One that finds every connection busy waits for
   * the first that is free, and its waiting counts. Without it each connection asks again as soon as it was answered.
   */
  arrivals?: number;
  /** How many arrivals may wait: those beyond are given up. */
  waiting?: number;
  /** Who is refused with 503 comes again when they were told to, and not at once; in a closed loop. */
  patient?: boolean;
}

/** Latencies, in milliseconds, are those of answers below 400. */
export interface LoadResult extends Percentiles {
  /** Answers that counted. */
  count: number;
  /** By status. */
  statuses: Record<string, number>;
  /** Answers with 503 that said when to come again. */
  retryAfter: number;
  /** Arrivals that were given up. */
  givenUp: number;
  /** Answers below 400 a second. */
  rate: number;
  /** Microseconds that the generator took of a processor for each answer. */
  cost: number;
  /** The first answer that was no success. */
  failure?: string;
}

const settleMs = 250;
const tickMs = 1;
/** How long answers under way at the end are waited for. */
const drainMs = 10_000;

process.once('message', (load: Load) => {
  run(load).then((result) => process.send!(result, () => process.exit(0)));
});
// Nobody is left to tell.
process.once('disconnect', () => process.exit(1));

interface Run {
  connections: readonly Connection[];
  next(): string | undefined;
  answered(answer: string, sentAt: number): void;
  start: number;
  end: number;
}

async function run(load: Load): Promise<LoadResult> {
  const connections = await Promise.all(Array.from({ length: load.connections }, () => openConnection(load.port)));
  const tally = createTally();
  const start = performance.now();
  const from = load.once ? start : start + settleMs;
  const end = from + load.seconds * 1000;
  const answered = (answer: string, sentAt: number) => {
    const now = performance.now();
    if (now >= from && now < end) tally.count(answer);
    // Also of what is answered behind the end: the slowest answers must not be missing.
    if (sentAt >= from && sentAt < end) tally.time(answer, now - sentAt);
  };
  const driven = { connections, next: createRequests(load), answered, start, end };
  const cpu = process.cpuUsage();
  const givenUp = load.arrivals === undefined ? await closedLoop(driven, load) : await openLoop(driven, load.arrivals, load.waiting);
  const { user, system } = process.cpuUsage(cpu);
  const result = tally.result((Math.min(end, performance.now()) - from) / 1000);
  for (const connection of connections) connection.end();
  return { ...result, givenUp, cost: (user + system) / result.count };
}

async function closedLoop({ connections, next, answered, end }: Run, { patient = false }: Load): Promise<0> {
  const drive = (connection: Connection) =>
    new Promise<void>((resolve, reject) => {
      let sentAt = 0;
      const send = () => {
        sentAt = performance.now();
        const request = sentAt < end ? next() : undefined;
        if (request === undefined) return resolve();
        connection.ask(request, onAnswer);
      };
      const onAnswer = (answer: string) => {
        answered(answer, sentAt);
        const wait = patient ? retryAfter(answer) : undefined;
        if (wait === undefined) return send();
        setTimeout(send, Math.min(wait * 1000, Math.max(0, end - performance.now())));
      };
      connection.onFailure(reject);
      send();
    });
  await Promise.all(connections.map(drive));
  return 0;
}

/** @returns how many arrivals were given up */
async function openLoop({ connections, next, answered, start, end }: Run, arrivals: number, waiting = Infinity): Promise<number> {
  const idle = [...connections];
  const queue: number[] = [];
  let [served, givenUp, come] = [0, 0, 0];
  const failure = Promise.withResolvers<never>();
  for (const connection of connections) connection.onFailure(failure.reject);
  const send = (connection: Connection, since: number) => {
    connection.ask(next()!, (answer) => {
      answered(answer, since);
      if (served < queue.length) send(connection, queue[served++]!);
      else idle.push(connection);
    });
  };
  for (let now = start; now < end; now = performance.now()) {
    for (const due = ((now - start) / 1000) * arrivals; come < due; come++) {
      const connection = idle.pop();
      // Counted from when it is sent: the clock of arrivals is coarser than what is measured.
      if (connection) send(connection, performance.now());
      else if (queue.length - served < waiting) queue.push(now);
      else givenUp++;
    }
    await Promise.race([failure.promise, new Promise((resolve) => setTimeout(resolve, tickMs))]);
  }
  served = queue.length;
  const late = performance.now() + drainMs;
  while (idle.length < connections.length && performance.now() < late) {
    await Promise.race([failure.promise, new Promise((resolve) => setTimeout(resolve, tickMs))]);
  }
  return givenUp;
}

function createTally() {
  const statuses: Record<string, number> = {};
  const latencies: number[] = [];
  let failure: string | undefined;
  let told = 0;
  let good = 0;
  return {
    count(answer: string) {
      const status = answer.slice(9, 12);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status < '400') return void good++;
      if (retryAfter(answer) !== undefined) told++;
      failure ??= answer.slice(0, 2000);
    },
    time(answer: string, milliseconds: number) {
      if (answer.slice(9, 12) < '400') latencies.push(milliseconds);
    },
    result(seconds: number): Omit<LoadResult, 'cost' | 'givenUp'> {
      const count = Object.values(statuses).reduce((sum, of) => sum + of, 0);
      const times = percentilesOf(latencies);
      return { count, statuses, retryAfter: told, rate: good / seconds, ...times, ...(failure !== undefined && { failure }) };
    },
  };
}

/** @returns the seconds after which a 503 says to come again */
function retryAfter(answer: string): number | undefined {
  if (answer.slice(9, 12) !== '503') return undefined;
  const seconds = /\r\nretry-after: (\d+)\r\n/i.exec(answer)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
