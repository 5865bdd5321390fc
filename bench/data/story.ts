import type { TaskAsItWas, TaskEvent } from '../../src/events/task/task-events.ts';
import { workflow } from '../../src/events/task/workflow.ts';
import { type Priority, priorities, type SharePermission, type Status } from '../../src/events/values.ts';
import { createRandom, type Random } from '../../src/tools/seed/random.ts';
import { idAt } from './ids.ts';
import type { Person } from './people.ts';
import { sentence, tags } from './words.ts';

/** A made-up log, all of it decided by these numbers. */
export interface Story {
  seed: number;
  tasks: number;
  /** On average; a whole number from 2 on. */
  eventsPerTask: number;
  people: number;
}

/** An event, and whose doing it was when. */
export interface Happening {
  taskId: string;
  /** Milliseconds since 1970. */
  at: number;
  by: string;
  event: TaskEvent;
}

/** Tasks whose lives cross each other. Each part of the log can be told without the others, at the same time as they. */
export const TASKS_PER_PART = 1_000;
/** How many tasks the last of the people has. */
export const FEW = 500;
const BEGIN = Date.UTC(2024, 0, 1);
const END = Date.UTC(2026, 0, 1);

export function partsOf({ tasks }: Story): number {
  return Math.ceil(tasks / TASKS_PER_PART);
}

export function eventsOf({ tasks, eventsPerTask }: Story): number {
  return tasks * eventsPerTask;
}

/** What happens in one part of the log, in its order. */
export function tellPart(story: Story, part: number, people: readonly Person[]): Happening[] {
  const first = part * TASKS_PER_PART;
  const count = Math.min(TASKS_PER_PART, story.tasks - first);
  const span = (END - BEGIN) * (TASKS_PER_PART / Math.max(story.tasks, TASKS_PER_PART));
  const random = createRandom(1 + ((story.seed * 7_919 + part * 104_729) % 2_147_483_000));
  const from = BEGIN + part * span;
  const happenings: Happening[] = [];
  let length = 0;
  for (let n = 0; n < count; n++) {
    // Two neighbours have twice the average together, so that the log has just as many events as were asked for.
    length = n % 2 === 0 ? lengthOf(story, n + 1 < count, random) : 2 * story.eventsPerTask - length;
    happenings.push(...lifeOf({ number: first + n, story, people, length, from, span, random }));
  }
  return happenings.sort((one, other) => one.at - other.at);
}

/** One task alone, to which so much happens. The first of the people owns it. */
export function tellLife(length: number, people: readonly Person[], seed: number): Happening[] {
  const story = { seed, tasks: 1, eventsPerTask: length, people: people.length };
  return lifeOf({ number: 0, story, people, length, from: BEGIN, span: END - BEGIN, random: createRandom(seed) });
}

function lengthOf({ eventsPerTask }: Story, hasNeighbour: boolean, random: Random): number {
  return hasNeighbour ? 1 + Math.floor(random.next() * (2 * eventsPerTask - 1)) : eventsPerTask;
}

interface Subject {
  number: number;
  story: Story;
  people: readonly Person[];
  length: number;
  from: number;
  span: number;
  random: Random;
}

/** What a task is, as far as what can happen next depends on it. */
interface State {
  id: string;
  title: string;
  description: string;
  status: Status;
  priority: Priority;
  dueDate: string | null;
  completedAt: string | null;
  tags: string[];
  owner: string;
  assignee: string | null;
  shares: Map<string, SharePermission>;
  comments: { id: string; author: string; content: string }[];
}

function lifeOf(subject: Subject): Happening[] {
  const { length, from, span, random } = subject;
  const created = from + random.next() * span * 0.5;
  const times = Array.from({ length: length - 1 }, () => created + random.next() * (from + span - 1 - created)).sort((a, b) => a - b);
  const { state, event } = creation(subject, created);
  const happenings: Happening[] = [{ taskId: state.id, at: Math.floor(created), by: state.owner, event }];
  const everywhere = subject.people[0]!.id;
  times.forEach((time, n) => {
    const at = Math.floor(time);
    const givenToAll = n === 0 && state.owner !== everywhere && state.assignee !== everywhere;
    const last = n === times.length - 1;
    const next = givenToAll ? share(state, everywhere, 'edit') : happening(state, { at, last, subject });
    happenings.push({ taskId: state.id, at, ...next });
  });
  return happenings;
}

/** Who owns the task of this number: every second the first of the people, a few the last one. */
function ownerOf({ number, people, story }: Subject): string {
  if (number % Math.max(1, Math.floor(story.tasks / FEW)) === 1) return people.at(-1)!.id;
  return number % 2 === 0 ? people[0]!.id : people[1 + (((number - 1) / 2) % (people.length - 2))]!.id;
}

function creation(subject: Subject, at: number): { state: State; event: TaskEvent } {
  const { random, people, length } = subject;
  const owner = ownerOf(subject);
  const everywhere = people[0]!.id;
  const assignee = owner !== everywhere && length === 1 ? everywhere : random.happens(0.3) ? random.pick(people).id : null;
  const state: State = {
    id: idAt(at, random),
    title: sentence(5, random),
    description: sentence(20, random),
    status: 'todo',
    priority: random.pick(priorities),
    dueDate: random.happens(0.7) ? day(at + random.between(1, 60) * 86_400_000) : null,
    completedAt: null,
    tags: someTags(random),
    owner,
    // The last of the people has no others than their own.
    assignee: assignee === people.at(-1)!.id ? null : assignee,
    shares: new Map(),
    comments: [],
  };
  const { title, description, priority, status } = state;
  const data = {
    title,
    description,
    priority,
    status,
    completed_at: null,
    due_date: state.dueDate,
    tags: state.tags,
    owner_id: owner,
    assignee_id: state.assignee,
  };
  return { state, event: { type: 'TaskCreated', data } };
}

type Done = Pick<Happening, 'by' | 'event'>;

interface Moment {
  at: number;
  /** Whether nothing more is to happen to the task. */
  last: boolean;
  subject: Subject;
}

function happening(state: State, { at, last, subject }: Moment): Done {
  const { random, people, number } = subject;
  const by = doer(state, random);
  if (last && number % 200 === 7) return removal(state);
  const chance = random.next();
  if (chance < 0.4) return transition(state, by, at, random);
  if (chance < 0.6) return edit(state, by, at, random);
  if (chance < 0.78) return { by, event: comment(state, by, at, random) };
  if (chance < 0.86) return retag(state, by, random);
  const other = random.pick(people.slice(1, -1)).id;
  if (chance < 0.92 && other !== state.owner && other !== state.assignee) return assign(state, other);
  if (other !== state.owner && !state.shares.has(other)) return share(state, other, random.happens(0.5) ? 'view' : 'edit');
  return edit(state, by, at, random);
}

function doer({ owner, assignee }: State, random: Random): string {
  return assignee !== null && random.happens(0.5) ? assignee : owner;
}

function transition(state: State, by: string, at: number, random: Random): Done {
  const to = random.pick(workflow[state.status]);
  const completedAt = to === 'done' ? new Date(at).toISOString() : null;
  const data = {
    status: { from: state.status, to },
    completed_at: { from: state.completedAt, to: completedAt },
    ...(random.happens(0.1) && { comment: sentence(6, random) }),
  };
  Object.assign(state, { status: to, completedAt });
  return { by, event: { type: 'TaskTransitioned', data } };
}

function edit(state: State, by: string, at: number, random: Random): Done {
  const which = random.next();
  if (which < 0.35) {
    const to = sentence(20, random);
    const changes = { description: { from: state.description, to } };
    state.description = to;
    return { by, event: { type: 'TaskEdited', data: { changes } } };
  }
  if (which < 0.6) {
    const to = sentence(5, random);
    const changes = { title: { from: state.title, to } };
    state.title = to;
    return { by, event: { type: 'TaskEdited', data: { changes } } };
  }
  if (which < 0.8) {
    const to = priorities[(priorities.indexOf(state.priority) + 1) % priorities.length]!;
    const changes = { priority: { from: state.priority, to } };
    state.priority = to;
    return { by, event: { type: 'TaskEdited', data: { changes } } };
  }
  const to = day(at + random.between(1, 60) * 86_400_000);
  const changes = { due_date: { from: state.dueDate, to } };
  state.dueDate = to;
  return { by, event: { type: 'TaskEdited', data: { changes } } };
}

function comment(state: State, by: string, at: number, random: Random): TaskEvent {
  const own = state.comments.find(({ author }) => author === by);
  const content = sentence(12, random);
  if (own && random.happens(0.2)) {
    const data = {
      comment_id: own.id,
      author_id: by,
      content: { from: own.content, to: content },
      mentions: { from: [], to: [] },
    };
    own.content = content;
    return { type: 'CommentEdited', data };
  }
  const id = idAt(at, random);
  state.comments.push({ id, author: by, content });
  return { type: 'CommentAdded', data: { comment_id: id, content, mentions: [] } };
}

function retag(state: State, by: string, random: Random): Done {
  const from = state.tags;
  const added = tags.filter((tag) => !from.includes(tag));
  const to = from.length > 2 ? from.slice(1) : [...from, random.pick(added)];
  state.tags = to;
  return { by, event: { type: 'TaskTagsChanged', data: { tags: { from, to } } } };
}

function assign(state: State, to: string): Done {
  const from = state.assignee;
  state.assignee = to;
  return { by: state.owner, event: { type: 'TaskAssigned', data: { assignee_id: { from, to }, gives_access: true } } };
}

function share(state: State, userId: string, permission: SharePermission): Done {
  state.shares.set(userId, permission);
  return { by: state.owner, event: { type: 'TaskShared', data: { user_id: userId, permission } } };
}

function removal(state: State): Done {
  const last: TaskAsItWas = {
    status: state.status,
    priority: state.priority,
    due_date: state.dueDate,
    tags: state.tags,
    owner_id: state.owner,
    assignee_id: state.assignee,
    gives_access: true,
    sharee_ids: [...state.shares.keys()],
    comment_count: state.comments.length,
    file_ids: [],
  };
  return { by: state.owner, event: { type: 'TaskDeleted', data: { forced: false, reason: 'command', last } } };
}

function someTags(random: Random): string[] {
  return [...new Set(Array.from({ length: Math.floor(random.next() * 4) }, () => random.pick(tags)))];
}

function day(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
