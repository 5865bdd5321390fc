import { join } from 'node:path';
import { writeWrappedKeys } from '../../src/events/keys/wrapped-keys.ts';
import { importEvents } from '../../src/events/store/postgres/import-events.ts';
import { createRandom } from '../../src/tools/seed/random.ts';
import { copyOf } from '../data/data-set.ts';
import { encodePart } from '../data/encode-part.ts';
import { idAt } from '../data/ids.ts';
import { type OpenDataSet, openDataSet } from '../data/open-data-set.ts';
import type { Person } from '../data/people.ts';
import { fiveMillionEvents, noEvents } from '../data/sets.ts';
import { type Happening, tellLife } from '../data/story.ts';
import type { Benchmark, Pair, Stage } from '../support/benchmark.ts';
import { keepAppending } from '../support/keep-appending.ts';
import { measured } from '../support/load.ts';
import { alternating, figureOf } from '../support/pairs.ts';
import { startService } from '../support/service.ts';

const LONG = 10_000;
const SHORT = 10;
const SHORT_TASKS = 1_000;
const IN_FLIGHT = 64;

/** What a command costs in a long stream and in a short one; what an append costs in a full store and in an empty one. */
export const benchmark: Benchmark = {
  id: 'S11',
  title: 'cost does not grow with history',
  minutes: 25,
  figures: [
    { id: 'S11', goal: `command p50 in a stream of ${LONG} events ≤ 1.5 × that in one of ${SHORT}`, bound: 1.5, direction: 'at_most' },
    { id: 'S11.comments', goal: `the same where all ${LONG} are comments ≤ 1.5 ×`, bound: 1.5, direction: 'at_most' },
    {
      id: 'S11.stored',
      goal: 'appends a second with 5,000,000 events stored ≥ 0.9 × that of an empty store',
      bound: 0.9,
      direction: 'at_least',
    },
  ],
  async run(stage) {
    const empty = await copyOf(await noEvents(stage), join(stage.directory, 'empty'));
    const emptyStore = await openDataSet(stage, empty);
    const full = await fiveMillionEvents(stage);
    const fullStore = await openDataSet(stage, full);
    const appends = await alternating(
      stage,
      () => appendRate(stage, fullStore, `${full.events} stored`),
      () => appendRate(stage, emptyStore, 'empty'),
    );
    const streams = await copyOf(await noEvents(stage), join(stage.directory, 'streams'));
    const { mixed, comments } = await commandsInStreams(stage, streams.directory, streams.people);
    return {
      figures: {
        S11: { pairs: mixed, unit: 'ms', note: `${stage.pick(LONG, 1_000)} events in the long stream` },
        'S11.comments': { pairs: comments, unit: 'ms', note: `${stage.pick(LONG, 1_000)} comments in the long stream` },
        'S11.stored': { pairs: appends, unit: '/s', note: `${full.events} events stored, ${IN_FLIGHT} appends in flight` },
      },
    };
  },
};

async function appendRate(stage: Stage, { store }: OpenDataSet, name: string): Promise<number> {
  const rate = await keepAppending(store, IN_FLIGHT, stage.pick(5, 1));
  stage.say(`  ${name.padEnd(16)} ${Math.round(rate)} appends/s`);
  return rate;
}

/** An edit in a stream of all sorts of events, and in one of comments alone, each beside the same in short streams. */
async function commandsInStreams(stage: Stage, directory: string, people: readonly Person[]): Promise<{ mixed: Pair[]; comments: Pair[] }> {
  const set = await openDataSet(stage, { directory });
  const length = stage.pick(LONG, 1_000);
  const [long] = await writeLives(set, [tellLife(length, people, 1 + length)], length);
  const [commented] = await writeLives(set, [tellComments(length, people)], length);
  const lives = Array.from({ length: SHORT_TASKS }, (_, n) => tellLife(SHORT, people, 1 + n + SHORT));
  const short = await writeLives(set, lives, SHORT);
  const service = await startService(stage, { DATABASE_URL: set.connectionString, DATA_DIR: directory });
  const headers = { authorization: `Bearer ${service.token}` };
  // The first command on a stream reads and folds it, which is told and not judged.
  for (const id of [long, commented]) {
    const since = performance.now();
    await service.ask('PATCH', `/tasks/${id}`, { title: 'The first edit' });
    stage.say(`  the first command on a long stream, which reads it: ${(performance.now() - since).toFixed(0)} ms`);
  }
  let measurements = 0;
  const edit = (name: string, ids: readonly string[]) => {
    const bodies = ['one', 'other'].map((title) => JSON.stringify({ title: `Edited, ${title} ${measurements}` }));
    measurements++;
    const paths = ids.map((id) => `/api/v1/tasks/${id}`);
    return measured(stage, name, service, { method: 'PATCH', paths, bodies, headers, connections: 1, seconds: stage.pick(3, 1) });
  };
  const beside = async (name: string, id: string) => {
    const pairs = await alternating(
      stage,
      () => edit(name, [id]),
      () => edit(`${SHORT} events`, short),
    );
    return figureOf(pairs, 'p50');
  };
  return { mixed: await beside(`${length} events`, long!), comments: await beside(`${length} comments`, commented!) };
}

/** A task whose later events are all comments of its owner's. */
function tellComments(length: number, people: readonly Person[]): Happening[] {
  const [first] = tellLife(2, people, length);
  const random = createRandom(length);
  const comments = Array.from({ length: length - 1 }, (_, n): Happening => {
    const data = { comment_id: idAt(first!.at + n, random), content: 'Well done', mentions: [] };
    return { ...first!, at: first!.at + 1 + n, event: { type: 'CommentAdded', data } };
  });
  return [first!, ...comments];
}

/** @returns the ids of the tasks */
async function writeLives({ pool, newVault }: OpenDataSet, lives: readonly Happening[][], length: number): Promise<string[]> {
  const { events, keys } = await encodePart(lives.flat(), newVault(), length);
  await writeWrappedKeys(pool, keys);
  await importEvents(pool, events);
  return lives.map(([first]) => first!.taskId);
}
