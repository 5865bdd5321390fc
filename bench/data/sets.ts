import type { Stage } from '../support/benchmark.ts';
import { type DataSet, dataSet } from './data-set.ts';

const common = { seed: 1, people: 200 };

/** A hundred thousand tasks in a million events, and every read model made from them. */
export function millionEvents(stage: Stage): Promise<DataSet> {
  const tasks = stage.pick(100_000, 2_000);
  return dataSet({ ...common, name: `${tasks}-tasks`, tasks, eventsPerTask: 10, readModels: true }, stage);
}

/** Five million events, of half a million tasks, and nothing made from them. */
export function fiveMillionEvents(stage: Stage): Promise<DataSet> {
  const tasks = stage.pick(500_000, 10_000);
  return dataSet({ ...common, name: `${tasks}-tasks-log`, tasks, eventsPerTask: 10, readModels: false }, stage);
}

/** No events but those of the people's accounts. */
export function noEvents(stage: Stage): Promise<DataSet> {
  return dataSet({ ...common, name: 'no-tasks', tasks: 0, eventsPerTask: 2, readModels: false }, stage);
}

/** A log of new tasks for the most part: what a projector has to do while a service grows. */
export function newTasks(stage: Stage): Promise<DataSet> {
  const tasks = stage.pick(20_000, 2_000);
  return dataSet({ ...common, name: `${tasks}-new-tasks`, tasks, eventsPerTask: 2, readModels: false }, stage);
}

/** For the table of costs by growth: the same work, on so many tasks. */
export function grown(stage: Stage, tasks: number): Promise<DataSet> {
  return dataSet({ ...common, name: `${tasks}-grown`, tasks, eventsPerTask: 3, readModels: true }, stage);
}
