import { availableParallelism } from 'node:os';
import pg from 'pg';
import { PasswordHasher } from '../../src/accounts/password-hasher.ts';
import { createLog } from '../../src/platform/logging.ts';
import { createOutboxTable } from '../../src/platform/mail/outbox-table.ts';
import { createTurns } from '../../src/subscribers/turns.ts';

/** How many pieces of work of one user, who has filled a queue, are done before the one of another user who came last. */
export interface OrderOfTurns {
  filled: number;
  passwords: number;
  feed: number;
  /** Of as many as are claimed at once, whether that of the other user is among them. */
  isMailClaimed: boolean;
}

const filled = 8 * availableParallelism();

async function doneBefore(start: (of: string) => Promise<unknown>): Promise<number> {
  const done: string[] = [];
  const work = (of: string) => start(of).then(() => done.push(of));
  await Promise.all([...Array.from({ length: filled }, () => work('one')), work('another')]);
  return done.indexOf('another');
}

async function passwords(): Promise<number> {
  const hasher = new PasswordHasher({ log: createLog({ level: 'error', format: 'json' }, { write: () => {} }), longestQueue: 8 * filled });
  return doneBefore((of) => hasher.hash('Correct horse 1', of)).finally(() => hasher.close());
}

async function isMailClaimed(): Promise<boolean> {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
  const table = createOutboxTable(pool);
  try {
    const claimed = await table.claim(['comment'], 5, 60_000);
    return claimed.some(({ userId }) => userId === process.env.ANOTHER);
  } finally {
    await pool.end();
  }
}

const inTurn = createTurns(1);
const order: OrderOfTurns = {
  filled,
  passwords: await passwords(),
  feed: await doneBefore((of) => inTurn(of, async () => {})),
  isMailClaimed: await isMailClaimed(),
};
console.log(JSON.stringify(order));
