import { emptyAggregate, foldHistory } from '../../../src/commands/task-aggregate.ts';
import { commented, created, type Happening, recorded, shared } from '../../support/happenings.ts';

/** What it costs to fold a history, in counted work. */
export interface FoldCost {
  /** Entries that were written into maps: each copy of a map writes all of them. */
  entries: number;
  /** Turns that the event loop had meanwhile. */
  turns: number;
}

const id = (n: number) => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

function attached(n: number): Happening {
  const data = { file_id: id(n), name: 'a.txt', size: 1, content_type: 'text/plain', sha256: '', blob_key: id(n) };
  return { type: 'FileAttached', data };
}

function sharedAndUnshared(n: number): Happening[] {
  return [shared(id(n), 'view'), { type: 'TaskUnshared', data: { user_id: id(n), permission: 'view', reason: 'revoked' } }];
}

const histories: Record<string, (length: number) => Happening[]> = {
  comments: (length) => numbers(length).map((n) => commented(id(n))),
  files: (length) => numbers(length).map(attached),
  shares: (length) => numbers(length).map((n) => shared(id(n), 'view')),
  'shares given and revoked': (length) => [
    ...numbers(50).map((n) => shared(id(1e6 + n), 'view')),
    ...numbers(length).flatMap(sharedAndUnshared),
  ],
};

function numbers(length: number): number[] {
  return Array.from({ length }, (_, n) => n);
}

/** The cost of each kind of history of so many things. */
export async function foldCosts(length: number): Promise<Record<string, FoldCost>> {
  const costs: Record<string, FoldCost> = {};
  for (const [name, history] of Object.entries(histories)) costs[name] = await costOf([created(), ...history(length)]);
  return costs;
}

async function costOf(happenings: readonly Happening[]): Promise<FoldCost> {
  const events = recorded(happenings);
  const cost: FoldCost = { entries: 0, turns: 0 };
  const { set } = Map.prototype;
  Map.prototype.set = function (key, value) {
    cost.entries++;
    return set.call(this, key, value);
  };
  let turn = setImmediate(function count() {
    cost.turns++;
    turn = setImmediate(count);
  });
  try {
    await foldHistory(emptyAggregate('task'), events);
  } finally {
    clearImmediate(turn);
    Map.prototype.set = set;
  }
  return cost;
}
