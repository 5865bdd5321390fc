import type { CreateTask } from '../../commands/task/create-task.ts';
import type { EditTask } from '../../commands/task/edit-task.ts';
import type { Status } from '../../events/values.ts';
import { type PersonName, people } from './people.ts';
import { createRandom, type Random } from './random.ts';
import { type TaskIdea, taskIdeas } from './task-ideas.ts';
import { dueDate, workingMoment } from './working-hours.ts';

/** What somebody does to a task, as a person would tell it. */
export type Deed =
  | ({ what: 'create' } & Omit<CreateTask, 'assignee'>)
  | ({ what: 'edit' } & Omit<EditTask, 'assignee'>)
  | { what: 'transition'; to: Status; comment?: string }
  | { what: 'tag'; tags: readonly string[] }
  | { what: 'assign'; to: PersonName | null }
  | { what: 'delete' }
  | { what: 'restore' };

export interface Step {
  /** Milliseconds since 1970. */
  at: number;
  by: PersonName;
  /** Which task: a number from 0 on. */
  task: number;
  deed: Deed;
}

export const WEEKS = 9;
const DAY = 86_400_000;

/** When the demo's story begins. */
export function beginningOf(now: number): number {
  return workingMoment(now - WEEKS * 7 * DAY, 0, createRandom(7));
}

/** Weeks of work on so many tasks up to now, in the order in which it happened; the same for the same moment. At most 200 tasks. */
export function planHistory(now: number, tasks: number): Step[] {
  const random = createRandom(20_260);
  const begin = beginningOf(now) + DAY;
  const subjects = shuffled(
    taskIdeas(now).flatMap((idea) => idea.on.map((on) => ({ idea, on }))),
    random,
  ).slice(0, tasks);
  const steps = subjects.flatMap(({ idea, on }, task) => {
    // The last few were thought of today.
    const share = Math.min(1, task / (tasks * 0.985));
    return lifeOf({ task, idea, on, from: begin + (now - begin) * share, now, random });
  });
  return steps.sort((one, other) => one.at - other.at);
}

interface Subject {
  task: number;
  idea: TaskIdea;
  on: string;
  from: number;
  now: number;
  random: Random;
}

/** What became of one task, as far as it has come by now. */
function lifeOf(subject: Subject): Step[] {
  const { task, idea, now, random } = subject;
  const steps: Step[] = [];
  let at = Math.min(workingMoment(subject.from, 0, random), now - 60_000 - random.next() * 1_200_000);
  const created = at;
  const doer = random.happens(0.4) ? random.pick(people.map(({ name }) => name).filter((name) => name !== idea.owner)) : idea.owner;
  const then = (days: number, by: PersonName, deed: Deed) => {
    if (steps.length > 0) at = workingMoment(at, days, random);
    steps.push({ at: Math.floor(at), by, task, deed });
  };

  then(0, idea.owner, creation(subject, created));
  if (doer !== idea.owner) then(random.between(0, 1.5), idea.owner, { what: 'assign', to: doer });
  if (random.happens(0.18))
    then(random.between(0, 2), doer, { what: 'tag', tags: [random.pick(['customer-facing', 'quick-win', 'this-quarter', 'waiting'])] });
  const ending = random.next();
  if (ending < 0.05) discard(then, random, idea.owner);
  else if (ending < 0.12) dropIt(then, random, idea.owner);
  else if (ending < 0.9) work(then, random, { idea, doer, created });
  return steps.filter((step) => step.at <= now);
}

type Then = (days: number, by: PersonName, deed: Deed) => void;

function creation({ idea, on, random }: Subject, at: number): Deed {
  return {
    what: 'create',
    title: idea.title.replace('{}', on),
    description: idea.description,
    priority: idea.priority,
    status: 'todo',
    dueDate: random.happens(0.85) ? dueDate(at, idea.days + random.between(-1, 4)) : null,
    tags: [...idea.tags],
  };
}

function discard(then: Then, random: Random, owner: PersonName): void {
  then(random.between(0.5, 4), owner, { what: 'delete' });
  if (random.happens(0.5)) then(random.between(0, 1), owner, { what: 'restore' });
}

function dropIt(then: Then, random: Random, owner: PersonName): void {
  const comment = random.pick(['No longer needed', 'Too expensive this year', 'Solved itself', 'The other side called it off']);
  then(random.between(1, 8), owner, { what: 'transition', to: 'cancelled', comment });
}

/** Begun, perhaps held up, perhaps looked over, done; now and then not really done. */
function work(then: Then, random: Random, { idea, doer, created }: { idea: TaskIdea; doer: PersonName; created: number }): void {
  const { owner, days } = idea;
  const move = (after: number, by: PersonName, to: Status, comment?: string) =>
    then(after, by, { what: 'transition', to, ...(comment !== undefined && { comment }) });

  if (random.happens(0.2)) then(random.between(0, 2), owner, { what: 'edit', priority: random.pick(['high', 'urgent', 'low'] as const) });
  move(random.between(0.2, days / 2), doer, 'in_progress');
  if (random.happens(0.25)) {
    move(
      random.between(0.1, 2),
      doer,
      'blocked',
      random.pick(['Waiting for an answer', 'The part has not come yet', 'Needs a decision first', 'Their system is down']),
    );
    if (random.happens(0.6)) then(random.between(0.5, 2), owner, { what: 'edit', dueDate: dueDate(created, days + random.between(5, 10)) });
    move(random.between(1, 5), doer, 'in_progress', 'Going on');
  }
  if (random.happens(0.3))
    then(random.between(0.1, 2), doer, { what: 'edit', description: `${idea.description}\n\n${random.pick(notes)}` });
  if (random.happens(0.45)) {
    move(random.between(0.5, days / 2), doer, 'in_review');
    if (random.happens(0.25)) {
      move(random.between(0.1, 1.5), owner, 'in_progress', random.pick(['Almost: see my notes', 'The numbers do not add up yet']));
      move(random.between(0.3, 2), doer, 'in_review');
    }
  }
  move(random.between(0.3, days / 2), owner, 'done');
  const aftermath = random.next();
  if (aftermath < 0.1) {
    move(random.between(1, 9), owner, 'todo', random.pick(['It came back', 'Not done after all', 'The customer called again']));
    move(random.between(0.2, 2), doer, 'in_progress');
    move(random.between(0.5, 3), doer, 'done', 'This time for good');
  } else if (doer !== owner && aftermath < 0.2) then(random.between(0.1, 2), doer, { what: 'assign', to: null });
}

const notes = [
  'Spoke to them on the phone: they will get back by the end of the week.',
  'The draft is in the shared folder.',
  'Took longer than thought; the second half is easier.',
  'Ask Jonas for the password before you begin.',
];

function shuffled<T>(all: readonly T[], random: Random): T[] {
  return all
    .map((each) => ({ each, place: random.next() }))
    .sort((one, other) => one.place - other.place)
    .map(({ each }) => each);
}
