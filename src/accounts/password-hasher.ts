import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { FairQueue } from '../platform/fair-queue.ts';
import type { Logger } from '../platform/logging.ts';
import { Rejection } from '../rejection.ts';
import type { PasswordReply, PasswordTask, Verified } from './password-messages.ts';

export interface PasswordHasherOptions {
  log: Logger;
  /** How many may wait, of all and of one requester, and how long (ms) one may: more are refused. */
  longestQueue?: number;
  longestOwnQueue?: number;
  longestWait?: number;
  /** Milliseconds after which a process that does not answer is taken for dead. */
  answerWithin?: number;
}

interface Job {
  /** For whom it is done. */
  of: string;
  task: PasswordTask;
  /** How often a process died over it. */
  deaths: number;
  overdue: NodeJS.Timeout | undefined;
  resolve(result: string | Verified): void;
  reject(error: Error): void;
}

// One core is left to the requests that need no hash.
const AT_ONCE = Math.max(1, availableParallelism() - 1);
const RESTART_AFTER = [0, 100, 500, 1_000, 5_000];
const END_WITHIN = 2_000;

/**
 * Hashes passwords in a process beside this one, a few at a time, the rest in a bounded queue, in turn between the users and addresses for
 * whom it is done: none of them fills the queue for the others. The process is started again when it
 * dies, and what it was at is done by the next one.
 */
export class PasswordHasher {
  readonly #log: Logger;
  readonly #longestQueue: number;
  readonly #longestOwnQueue: number;
  readonly #longestWait: number;
  readonly #answerWithin: number;
  readonly #waiting = new FairQueue<Job>();
  /** What a process died over goes first. */
  readonly #interrupted: Job[] = [];
  readonly #underWay = new Map<number, Job>();
  #process: ChildProcess;
  #isReady = false;
  #restart: NodeJS.Timeout | undefined;
  #deathsInARow = 0;
  #lastId = 0;
  #isClosed = false;

  constructor({
    log,
    longestQueue = 256,
    longestOwnQueue = longestQueue / 4,
    longestWait = 15_000,
    answerWithin = 10_000,
  }: PasswordHasherOptions) {
    this.#log = log;
    this.#longestQueue = longestQueue;
    this.#longestOwnQueue = longestOwnQueue;
    this.#longestWait = longestWait;
    this.#answerWithin = answerWithin;
    this.#process = this.#start();
  }

  /**
   * An argon2id digest with its parameters and salt.
   * @param of for whom: the id of a user, or the address of one who has not signed in
   * @throws Rejection OVERLOADED, SHUTTING_DOWN
   */
  hash(password: string, of: string): Promise<string> {
    return this.#do({ do: 'hash', password }, of) as Promise<string>;
  }

  /** @param of as for `hash`. @throws Rejection OVERLOADED, SHUTTING_DOWN */
  verify(digest: string, password: string, of: string): Promise<Verified> {
    return this.#do({ do: 'verify', digest, password }, of) as Promise<Verified>;
  }

  /** Of the process that hashes now; undefined while one is being started. */
  get pid(): number | undefined {
    return this.#isReady ? this.#process.pid : undefined;
  }

  /** Refuses what is waiting, and returns when the process has ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restart);
    const refuse = (job: Job) => {
      clearTimeout(job.overdue);
      job.reject(new Rejection('SHUTTING_DOWN', 'The service is stopping'));
    };
    for (let job = this.#next(); job; job = this.#next()) refuse(job);
    for (const job of this.#underWay.values()) refuse(job);
    this.#underWay.clear();
    await end(this.#process);
  }

  #next(): Job | undefined {
    return this.#interrupted.shift() ?? this.#waiting.take();
  }

  #do(task: PasswordTask, of: string): Promise<string | Verified> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(new Rejection('SHUTTING_DOWN', 'The service is stopping'));
      if (this.#waiting.size >= this.#longestQueue || this.#waiting.countOf(of) >= this.#longestOwnQueue) return reject(overloaded());
      const job: Job = { of, task, deaths: 0, overdue: undefined, resolve, reject };
      this.#refuseWhenLate(job);
      this.#waiting.add(of, job);
      this.#sendNext();
    });
  }

  #refuseWhenLate(job: Job): void {
    job.overdue = setTimeout(() => {
      this.#waiting.remove(job.of, job);
      const at = this.#interrupted.indexOf(job);
      if (at >= 0) this.#interrupted.splice(at, 1);
      job.reject(overloaded());
    }, this.#longestWait);
  }

  #sendNext(): void {
    while (this.#isReady && this.#process.connected && this.#underWay.size < AT_ONCE) {
      const job = this.#next();
      if (!job) return;
      clearTimeout(job.overdue);
      job.overdue = this.#killWhenLate();
      this.#underWay.set(++this.#lastId, job);
      this.#process.send({ id: this.#lastId, ...job.task });
    }
  }

  #answered(reply: PasswordReply): void {
    const job = this.#underWay.get(reply.id);
    this.#underWay.delete(reply.id);
    this.#deathsInARow = 0;
    clearTimeout(job?.overdue);
    this.#sendNext();
    if ('error' in reply) job?.reject(new Error(`Hashing a password failed: ${reply.error}`));
    else job?.resolve(reply.result);
  }

  #start(): ChildProcess {
    const child = fork(fileURLToPath(new URL('./password-process.ts', import.meta.url)), {
      execArgv: [],
      // None of the service's secrets.
      env: { UV_THREADPOOL_SIZE: String(AT_ONCE) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#process = child;
    const startedTooLate = this.#killWhenLate();
    child.on('message', (message: PasswordReply | { ready: true }) => {
      if (!('ready' in message)) return this.#answered(message);
      clearTimeout(startedTooLate);
      this.#isReady = true;
      this.#sendNext();
    });
    const ended = (how: string) => {
      clearTimeout(startedTooLate);
      this.#died(child, how);
    };
    child.once('exit', (code, signal) => ended(signal ?? `exit code ${code}`));
    // One that could not be started has no exit; a message that did not reach a dying one is followed by its exit.
    child.on('error', (error) => child.pid === undefined && ended(error.message));
    return child;
  }

  #killWhenLate(): NodeJS.Timeout {
    const child = this.#process;
    return setTimeout(() => child.kill('SIGKILL'), this.#answerWithin);
  }

  #died(child: ChildProcess, how: string): void {
    this.#isReady = false;
    if (this.#isClosed) return;
    this.#log.error({ pid: child.pid, how }, 'the process that hashes passwords died; another is started');
    const interrupted = [...this.#underWay.values()];
    this.#underWay.clear();
    for (const job of interrupted) {
      clearTimeout(job.overdue);
      // A task that takes down every process it is given to must not do so for ever.
      if (++job.deaths > 1) job.reject(overloaded());
      else {
        this.#refuseWhenLate(job);
        this.#interrupted.push(job);
      }
    }
    const pause = RESTART_AFTER[Math.min(this.#deathsInARow++, RESTART_AFTER.length - 1)];
    this.#restart = setTimeout(() => this.#start(), pause);
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const tooLong = setTimeout(() => child.kill('SIGKILL'), END_WITHIN);
  if (child.connected) child.disconnect();
  await exited;
  clearTimeout(tooLong);
}

function overloaded(): Rejection {
  return new Rejection('OVERLOADED', 'Too many passwords are being checked at once; try again shortly');
}
