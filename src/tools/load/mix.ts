import type { Reply } from './client.ts';
import type { LoadUser } from './users.ts';

/** One kind of request that people make, and what is remembered of its answer. */
export interface Kind {
  name: string;
  /** Of a hundred requests. */
  share: number;
  request(user: LoadUser): { method: string; path: string; body?: unknown };
  learn?(user: LoadUser, reply: Reply): void;
  /** It is on a task, so that there must be one. */
  onTask?: true;
}

/** What follows on each status, round and round. */
const next: Record<string, string> = { todo: 'in_progress', in_progress: 'in_review', in_review: 'done', done: 'todo' };
const KEPT = 50;
const words = ['order', 'call', 'check', 'write', 'repair', 'invoice', 'delivery', 'stock', 'offer', 'review'];

/** A working day in a hundred requests: seven reads to three writes. */
export const mix: readonly Kind[] = [
  { name: 'list tasks', share: 25, request: () => ({ method: 'GET', path: `/tasks?per_page=25&page=${1 + pick(2)}` }) },
  { name: 'filter tasks', share: 8, request: () => ({ method: 'GET', path: '/tasks?status=todo,in_progress&sort_by=due_date' }) },
  { name: 'search tasks', share: 5, request: () => ({ method: 'GET', path: `/tasks?search=${words[pick(words.length)]}` }) },
  { name: 'read a task', share: 18, onTask: true, request: (user) => ({ method: 'GET', path: `/tasks/${current(user).id}` }) },
  { name: 'statistics', share: 6, request: () => ({ method: 'GET', path: '/tasks/stats' }) },
  { name: 'timeline', share: 8, onTask: true, request: (user) => ({ method: 'GET', path: `/activity/tasks/${current(user).id}` }) },
  {
    name: 'create a task',
    share: 12,
    request: () => ({ method: 'POST', path: '/tasks', body: newTask() }),
    learn(user, { body }) {
      user.tasks.unshift({ id: body.id, status: body.status });
      user.tasks.length = Math.min(user.tasks.length, KEPT);
    },
  },
  {
    name: 'edit a task',
    share: 9,
    onTask: true,
    request: (user) => ({
      method: 'PATCH',
      path: `/tasks/${current(user).id}`,
      body: { description: sentence(), priority: priorityNow() },
    }),
  },
  {
    name: 'move a task',
    share: 9,
    onTask: true,
    request(user) {
      const task = current(user);
      task.status = next[task.status]!;
      return { method: 'POST', path: `/tasks/${task.id}/transition`, body: { target_status: task.status } };
    },
  },
];

const deck = mix.flatMap((kind) => Array<Kind>(kind.share).fill(kind));

/** The next kind of request of somebody: by the shares, and a first task before anything is done to one. */
export function nextKind(user: LoadUser): Kind {
  const kind = deck[pick(deck.length)]!;
  return kind.onTask && user.tasks.length === 0 ? mix.find(({ name }) => name === 'create a task')! : kind;
}

/** The task that somebody is at: one of the last. Each turns to another now and then. */
function current({ tasks }: LoadUser): LoadUser['tasks'][number] {
  return tasks[pick(Math.min(tasks.length, 10))]!;
}

function newTask() {
  return { title: `${sentence()} ${pick(1000)}`, description: sentence(), tags: [words[pick(words.length)]!], priority: priorityNow() };
}

function sentence(): string {
  return Array.from({ length: 3 + pick(4) }, () => words[pick(words.length)]).join(' ');
}

function priorityNow(): string {
  return ['low', 'medium', 'high', 'urgent'][pick(4)]!;
}

function pick(count: number): number {
  return Math.floor(Math.random() * count);
}
