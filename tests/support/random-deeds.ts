import { setTimeout as pause } from 'node:timers/promises';
import type { Client, Reply } from './service.ts';
import { upload } from './uploads.ts';

/** The people of a random run: tasks are the owner's; the other two come and go. */
export interface People {
  owner: Client;
  editor: Client;
  viewer: Client;
}

export interface RandomRun {
  /** Answers by status, of all that was tried. */
  readonly statuses: ReadonlyMap<number, number>;
  /** The tasks that were made. */
  readonly tasks: readonly string[];
  /** What somebody would have told who tells beside the write, when a command is answered: `<task>/<revision>`. */
  readonly answered: ReadonlySet<string>;
}

const TASKS = 12;
const PATIENCE_MS = 60_000;

/**
 * So many commands at random, a few at a time, through every entry point that writes to tasks: single, bulk, undo of a step and of a run,
 * restore, comments and files. Each carries a key and is sent again until it is answered, wherever the service was killed meanwhile.
 */
export async function actAtRandom(
  { url, people, commands, random }: { url: string; people: People; commands: number; random: () => number },
  onAnswered: () => void = () => {},
): Promise<RandomRun> {
  const { owner, editor, viewer } = people;
  const statuses = new Map<number, number>();
  const operations: string[] = [];
  const comments: [task: string, comment: string][] = [];
  const files: string[] = [];
  const tasks: string[] = [];
  const answered = new Set<string>();
  const run = `run-${Math.floor(random() * 1e9)}`;
  let sent = 0;
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;

  const doing = async (send: (headers: Record<string, string>) => Promise<Reply>): Promise<Reply> => {
    const reply = await untilAnswered(send, `${run}-${sent++}`);
    statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
    const operation = reply.headers.get('tasktrail-operation');
    if (operation && reply.status < 300) operations.push(operation);
    const { id = '', task_id = id } = reply.body ?? {};
    answered.add(`${task_id}/${reply.headers.get('tasktrail-revision')}`);
    onAnswered();
    return reply;
  };
  const post = (who: Client, path: string, body: unknown) => doing((headers) => who.post(path, body, headers));
  const patch = (who: Client, path: string, body: unknown) => doing((headers) => who.patch(path, body, headers));
  const remove = (who: Client, path: string) => doing((headers) => who.delete(path, undefined, headers));
  const some = () => [...new Set(Array.from({ length: 3 }, () => pick(tasks)))];

  const create = async () => {
    const { status, body } = await post(owner, '/tasks', { title: `Task ${sent}`, tags: [pick(['home', 'work'])] });
    if (status === 201) tasks.push(body.id);
  };
  const deeds: ((task: string) => Promise<unknown>)[] = [
    create,
    (task) => patch(owner, `/tasks/${task}`, { title: `Title ${sent}`, priority: pick(['low', 'high', 'urgent']) }),
    (task) => patch(editor, `/tasks/${task}`, { description: `Text ${sent}`, due_date: pick([null, '2030-01-01']) }),
    (task) => doing((headers) => owner.put(`/tasks/${task}`, { title: `Put ${sent}` }, headers)),
    (task) => post(owner, `/tasks/${task}/transition`, { target_status: pick(['todo', 'in_progress', 'done']), comment: 'moved' }),
    (task) => post(owner, `/tasks/${task}/share`, { user_id: pick([editor, viewer]).id, permission: pick(['view', 'edit']) }),
    (task) => remove(owner, `/tasks/${task}/share/${pick([editor, viewer]).id}`),
    (task) => post(owner, `/tasks/${task}/assign`, { assignee_id: pick([editor.id, viewer.id, null]) }),
    (task) => post(owner, `/tasks/${task}/tags`, { tags: [`tag-${sent % 7}`] }),
    async (task) => {
      const { status, body } = await post(pick([owner, editor]), `/tasks/${task}/comments`, { content: `Look, @${viewer.username}` });
      if (status === 201) comments.push([task, body.id]);
    },
    async () => {
      const [task, comment] = pick(comments.length > 0 ? comments : [[tasks[0]!, tasks[0]!] as [string, string]]);
      await pick([
        () => patch(owner, `/tasks/${task}/comments/${comment}`, { content: `Changed ${sent}` }),
        () => remove(owner, `/tasks/${task}/comments/${comment}`),
        () => post(owner, `/tasks/${task}/comments/${comment}/restore`, undefined),
      ])();
    },
    async (task) => {
      const { status, body } = await doing((headers) => upload(url, owner, task, { name: 'a.txt', content: `File ${sent}` }, headers));
      if (status === 201) files.push(body.id);
    },
    async () => {
      if (files.length > 0) await remove(owner, `/files/${pick(files)}`);
    },
    () => patch(owner, '/tasks/bulk', { task_ids: some(), updates: { priority: pick(['low', 'medium', 'high']) } }),
    () => post(owner, '/tasks/bulk-status', { task_ids: some(), target_status: pick(['todo', 'in_progress', 'done']) }),
    () => post(owner, '/tasks/bulk-delete', { task_ids: some().slice(0, 1) }),
    (task) => remove(owner, `/tasks/${task}`),
    (task) => post(owner, `/tasks/${task}/restore`, undefined),
    () => post(owner, `/tasks/${pick(tasks)}/restore`, undefined),
    (task) => post(pick([owner, editor]), `/tasks/${task}/undo`, {}),
    () => post(owner, '/activity/undo', { operation_id: pick(operations) }),
  ];

  await create();
  const act = async () => {
    while (sent < commands) await (tasks.length < TASKS ? create() : pick(deeds)(pick(tasks)));
  };
  await Promise.all(Array.from({ length: 4 }, act));
  return { statuses, tasks, answered };
}

/** The same again, under the same key, until there is an answer that is the service's own word. */
async function untilAnswered(send: (headers: Record<string, string>) => Promise<Reply>, key: string): Promise<Reply> {
  for (const giveUp = performance.now() + PATIENCE_MS; ; await pause(100)) {
    const reply = await send({ 'idempotency-key': key }).catch(() => null);
    if (reply && reply.status < 500) return reply;
    if (performance.now() > giveUp) throw new Error(`no answer but ${reply?.status} ${reply?.text}`);
  }
}
