import { setTimeout as pause } from 'node:timers/promises';
import type { Client, Reply } from './service.ts';

export interface CommandLoad {
  /** The revision that each task was last said to be at. */
  readonly tasks: ReadonlyMap<string, number>;
  /** Commands that were answered with success; each makes one event. */
  readonly acknowledged: number;
  /** How often a caller was told to come again, by the code of the answer. */
  readonly refusals: Readonly<Record<string, number>>;
  /** How often an answer did not come: the connection was lost, or the caller's patience was. */
  readonly unanswered: number;
  /** How often a success was that of an earlier try. */
  readonly replayed: number;
  /** The longest time for which any caller waited for an answer that came, in milliseconds. */
  readonly longestWait: number;
  /** Answers that nobody should get. */
  readonly strange: readonly string[];
  /** Fulfilled when so many more commands were acknowledged. */
  more(count: number): Promise<void>;
  /** Lets every caller have its last command acknowledged. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  /** Whom the next command is sent to. */
  client: () => Client;
  callers: number;
  /** Milliseconds after which a caller asks elsewhere. */
  patience: number;
}

const GIVE_UP_AFTER = 90_000;
const STATUSES = ['in_progress', 'done', 'todo'];

/** Callers that make tasks and move them along, each command with a key and sent again until it is acknowledged. */
export function startCommandLoad({ client, callers, patience }: LoadOptions): CommandLoad {
  const tasks = new Map<string, number>();
  const refusals: Record<string, number> = {};
  const strange: string[] = [];
  const seen = { acknowledged: 0, unanswered: 0, replayed: 0, longestWait: 0 };
  let running = true;

  async function answerTo(send: (client: Client) => Promise<Reply>): Promise<Reply | undefined> {
    const asked = performance.now();
    const impatient = new AbortController();
    const answer = send(client()).catch(() => undefined);
    const reply = await Promise.race([answer, pause(patience, undefined, { signal: impatient.signal }).catch(() => undefined)]);
    impatient.abort();
    if (reply) seen.longestWait = Math.max(seen.longestWait, performance.now() - asked);
    else seen.unanswered++;
    return reply;
  }

  async function untilAcknowledged(send: (client: Client) => Promise<Reply>): Promise<Reply> {
    for (;;) {
      const reply = await answerTo(send);
      if (reply && reply.status < 300) {
        seen.acknowledged++;
        if (reply.headers.get('idempotent-replayed') === 'true') seen.replayed++;
        return reply;
      }
      if (reply) {
        const code = reply.body?.error?.code ?? `HTTP ${reply.status}`;
        refusals[code] = (refusals[code] ?? 0) + 1;
        if (reply.status !== 503 || !(Number(reply.headers.get('retry-after')) > 0)) strange.push(`${reply.status} ${reply.text}`);
      }
      await pause(20 + Math.random() * 80);
    }
  }

  async function call(name: number): Promise<void> {
    for (let n = 0; running; n++) {
      const key = `${name}-${n}`;
      const created = await untilAcknowledged((at) => at.post('/tasks', { title: `Task ${key}` }, { 'idempotency-key': key }));
      const { id } = created.body;
      tasks.set(id, 0);
      for (let revision = 1; revision <= 3; revision++) {
        const target_status = STATUSES[revision - 1];
        const headers = { 'idempotency-key': `${key}-${revision}` };
        const moved = await untilAcknowledged((at) => at.post(`/tasks/${id}/transition`, { target_status }, headers));
        if (moved.body.revision !== revision) strange.push(`${id} is said to be at ${moved.body.revision}, not at ${revision}`);
        tasks.set(id, revision);
      }
    }
  }

  const calling = Promise.all(Array.from({ length: callers }, (_, name) => call(name)));
  calling.catch(() => {});
  return {
    tasks,
    refusals,
    strange,
    get acknowledged() {
      return seen.acknowledged;
    },
    get unanswered() {
      return seen.unanswered;
    },
    get replayed() {
      return seen.replayed;
    },
    get longestWait() {
      return seen.longestWait;
    },
    async more(count) {
      const wanted = seen.acknowledged + count;
      for (const giveUp = performance.now() + GIVE_UP_AFTER; seen.acknowledged < wanted; await pause(5)) {
        if (performance.now() > giveUp) throw new Error(`only ${seen.acknowledged} of ${wanted} commands were acknowledged`);
      }
    },
    async stop() {
      running = false;
      await calling;
    },
  };
}
