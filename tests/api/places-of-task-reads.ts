import { createTaskReads } from '../../src/api/task-reads.ts';
import { createFairReads, type Requester, TooManyReads } from '../../src/platform/postgres/fair-reads.ts';

/** What becomes of the reads of streams while none of them ends. */
export interface PlacesOfTaskReads {
  /** Of 21 reads of one user, so many are running, and so many were refused at once. */
  running: number;
  refused: number;
  /** Of another user's, behind them. */
  runningOfOthers: number;
  /** Whether a place is free again between two pages. */
  isFreeBetween: boolean;
}

const id = '00000000-0000-4000-8000-000000000000';
const nothing = undefined as never;
let running = 0;
let end = () => {};
const gate = new Promise<void>((resolve) => {
  end = resolve;
});
const tasksFor = createTaskReads({
  tasks: {
    read: nothing,
    history: nothing,
    async *events() {
      running++;
      await gate;
      yield [];
      yield [];
    },
  },
  store: nothing,
  reads: createFairReads(nothing, nothing),
});
const requester = (userId: string): Requester => ({ userId, ip: '', signal: new AbortController().signal });
const pages = (userId: string) => tasksFor(requester(userId)).events(id, { from: 0, to: 1 })[Symbol.asyncIterator]();

let refused = 0;
const own = Array.from({ length: 21 }, () => pages('ann'));
const first = own.map((each) => each.next().catch((error) => void (error instanceof TooManyReads && refused++)));
await new Promise(setImmediate);
const ownRunning = running;
const other = pages('bob').next();
await new Promise(setImmediate);
const runningOfOthers = running - ownRunning;
const refusedAtOnce = refused;
end();
// All have read a page, though none has read its last.
await Promise.all([...first, other]);
const places: PlacesOfTaskReads = { running: ownRunning, refused: refusedAtOnce, runningOfOthers, isFreeBetween: running >= 21 };
console.log(JSON.stringify(places));
