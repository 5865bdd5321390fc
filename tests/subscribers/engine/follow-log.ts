import { setTimeout as pause } from 'node:timers/promises';
import type { CommandCall } from '../../../src/commands/command-call.ts';
import { editTask } from '../../../src/commands/task/edit-task.ts';
import { createTasks } from '../../../src/commands/tasks.ts';
import type { RecordedEvent } from '../../../src/events/recorded-event.ts';
import { createLog } from '../../../src/platform/logging.ts';
import { migrate } from '../../../src/platform/postgres/migrate.ts';
import { subscriberMigrations } from '../../../src/subscribers/engine/schema.ts';
import { type RunningSubscriber, type SubscriberParts, startSubscriber } from '../../../src/subscribers/engine/start-subscriber.ts';
import type { Timing } from '../../../src/subscribers/engine/timing.ts';
import type { Subscriber } from '../../../src/subscribers/subscriber.ts';
import { call, openWriteSide } from '../../support/command-parts.ts';

/** Impatient, for tests. */
export const quick: Partial<Timing> = {
  retries: [5, 5],
  unreachablePause: 10,
  shortestPause: 10,
  longestPause: 50,
  lookEvery: 20,
  lockRetry: 100,
};

/** A log that is written by commands, and whoever follows it. */
export async function openLog() {
  const side = await openWriteSide();
  const instance = await side.instance();
  await migrate(instance.pool, [{ part: 'subscribers', migrations: subscriberMigrations }]);
  const tasks = createTasks(instance.parts);
  const running: RunningSubscriber[] = [];
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'json' }, { write: (line) => void lines.push(line) });
  const { pool, store, parts } = instance;
  return {
    ...{ side, pool, store, vault: parts.vault, tasks, lines, connectionString: side.connectionString },
    async start(subscriber: Subscriber, more: Partial<SubscriberParts> = {}): Promise<RunningSubscriber> {
      const started = await startSubscriber(subscriber, {
        ...{ connectionString: side.connectionString, pool, store, vault: parts.vault, log, timing: quick },
        ...more,
      });
      running.push(started);
      return started;
    },
    /** @returns the task's id */
    async create(title = 'A task', by: CommandCall = call()): Promise<string> {
      const fields = { title, description: '', priority: 'medium', status: 'todo', dueDate: null, tags: [], assignee: null } as const;
      return (await tasks.create({ ...fields, tags: [] }, by)).task.id;
    },
    rename: (task: string, title: string) => tasks.execute(task, editTask, { title }, call()),
    async stopAll(): Promise<void> {
      await Promise.all(running.splice(0).map((subscriber) => subscriber.stop()));
    },
    async close(): Promise<void> {
      await this.stopAll();
      await side.close();
    },
  };
}

export async function until(isSo: () => boolean | Promise<boolean>, within = 15_000): Promise<void> {
  for (const deadline = Date.now() + within; Date.now() < deadline; await pause(10)) if (await isSo()) return;
  throw new Error('what was waited for did not come');
}

/** `stream@revision` of each. */
export function places(events: readonly RecordedEvent[]): string[] {
  return events.map(({ stream, revision }) => `${stream}@${revision}`);
}

/** The title that an event gives its task, if it does. */
export function titleOf(event: RecordedEvent): string | undefined {
  if (event.type === 'TaskCreated') return event.data.title ?? undefined;
  return event.type === 'TaskEdited' ? (event.data.changes.title?.to ?? undefined) : undefined;
}
