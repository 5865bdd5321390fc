import type { Benchmark, Stage } from '../support/benchmark.ts';
import { createTask } from '../support/create-task.ts';
import { type LoadResult, load, measured } from '../support/load.ts';
import { type Service, startPostgres, startService } from '../support/service.ts';

const ramp = [16, 32, 64, 128, 256];
/** Four times the most that the ramp has. */
const flood = 1024;

interface Round {
  /** The best of the ramp. */
  best: LoadResult & { connections: number };
  /** At four fifths of that. */
  busy: LoadResult;
  /** At four times that. */
  flooded: LoadResult;
  /** Four times as many clients as the ramp has, who come again when they are told to. */
  patient: LoadResult;
}

/** Four times as many requests as can be served: who is taken is served as ever, and the others are told at once to come later. */
export const benchmark: Benchmark = {
  id: 'S4',
  title: 'four times more than can be done, against what can be done',
  figures: [
    { id: 'S4', goal: 'accepted a second at 4 × overload ≥ 0.9 × the best rate', bound: 0.9, direction: 'at_least' },
    { id: 'S4.p99', goal: 'p99 of the accepted ≤ 3 × that at 80 % load', bound: 3, direction: 'at_most' },
    { id: 'S4.refused', goal: 'of the others, all are answered with 503 and Retry-After', bound: 1, direction: 'at_least' },
  ],
  async run(stage) {
    const service = await startService(stage, { DATABASE_URL: await startPostgres(stage) });
    await measured(stage, 'warm-up', service, { ...createTask(service), connections: 64, seconds: stage.pick(5, 1) });
    const rounds: Round[] = [];
    while (rounds.length < stage.rounds) rounds.push(await measureRound(stage, service));
    return {
      figures: {
        S4: { pairs: rounds.map(({ best, flooded }) => [flooded.rate, best.rate]), unit: '/s' },
        'S4.p99': { pairs: rounds.map(({ busy, flooded }) => [flooded.p99, busy.p99]), unit: 'ms' },
        'S4.refused': { pairs: rounds.map(({ flooded }) => [shareRefusedWell(flooded), 1]), unit: '' },
      },
      tables: [tableOf(rounds)],
    };
  },
};

async function measureRound(stage: Stage, service: Service): Promise<Round> {
  const seconds = stage.pick(2, 0.6);
  const work = createTask(service);
  let best: Round['best'] | undefined;
  for (const connections of stage.pick(ramp, [64, 256])) {
    const result = await measured(stage, `ramp ${connections}`, service, { ...work, connections, seconds });
    if (!best || result.rate > best.rate) best = { ...result, connections };
  }
  const { rate } = best!;
  const busy = await measured(stage, 'at 80 %', service, { ...work, connections: 256, seconds: seconds * 1.5, arrivals: 0.8 * rate });
  const flooded = await load(stage, {
    ...work,
    port: service.port,
    connections: flood,
    seconds: seconds * 1.5,
    arrivals: 4 * rate,
    waiting: 0,
  });
  tell(stage, 'at 400 %', flooded);
  const patient = await load(stage, { ...work, port: service.port, connections: flood, seconds: seconds * 1.5, patient: true });
  tell(stage, 'patient', patient);
  return { best: best!, busy, flooded, patient };
}

/** Of the answers that were no success, how many were 503 with the time to come again; 1 when there were none. */
function shareRefusedWell({ statuses, retryAfter }: LoadResult): number {
  const others = refusedIn({ statuses });
  return others === 0 ? 1 : retryAfter / others;
}

function refusedIn({ statuses }: Pick<LoadResult, 'statuses'>): number {
  return Object.entries(statuses).reduce((sum, [status, count]) => sum + (Number(status) >= 300 ? count : 0), 0);
}

function tell({ say }: Stage, name: string, { rate, p50, p99, statuses, retryAfter, givenUp }: LoadResult): void {
  const times = `p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`;
  say(`  ${name.padEnd(12)} ${Math.round(rate)}/s accepted, ${times}, ${JSON.stringify({ statuses, retryAfter, givenUp })}`);
}

function tableOf(rounds: readonly Round[]) {
  const row = (name: string, of: (round: Round) => LoadResult) => (round: Round, nth: number) => {
    const { rate, p50, p99, count, statuses, givenUp } = of(round);
    return [nth + 1, name, Math.round(rate), p50.toFixed(1), p99.toFixed(1), count, refusedIn({ statuses }), givenUp];
  };
  const rows = [
    row('best of the ramp', ({ best }) => best),
    row('80 %', ({ busy }) => busy),
    row('400 %', ({ flooded }) => flooded),
    row(`${flood} patient clients`, ({ patient }) => patient),
  ].flatMap((toRow) => rounds.map(toRow));
  return {
    title: 'Overload',
    columns: ['round', 'load', 'accepted/s', 'p50 ms', 'p99 ms', 'answers', 'refused', 'not sent'],
    rows: rows.sort(([one], [other]) => Number(one) - Number(other)),
    note: `At 400 % four times the best rate arrives over ${flood} connections; what finds all of them busy is not sent. Patient clients are as many, each asking again when it was answered, or when a refusal told it to.`,
  };
}
