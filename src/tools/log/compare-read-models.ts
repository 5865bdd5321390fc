import type pg from 'pg';
import type { EventStore } from '../../events/store/event-store.ts';
import { taskStream } from '../../events/task/task-events.ts';
import { userStream } from '../../events/user/user-events.ts';
import { allProjections } from '../../projections/all-projections.ts';
import { schemaOf } from '../../projections/projection.ts';

/** What is known of streams outside the log: only that shows an end that was cut off, or a stream that is gone as a whole. */
export interface Witnesses {
  /** @returns read models that hold more than the log does */
  ahead(): Promise<string[]>;
  /** @param revisionOf the last revision that was read of a stream @returns streams that are shorter than they are known to have been */
  shortened(revisionOf: (stream: string) => number): AsyncIterable<string>;
}

interface Witness {
  /** For people. */
  name: string;
  streamOf(id: string): string;
  /** A page of ids and revisions, after an id. */
  sql: string;
}

const PAGE = 1_000;

/** @param store where a stream that seems to be too short is looked at again: it may have been written to meanwhile */
export function createWitnesses(pool: pg.Pool, store: Pick<EventStore, 'readStream' | 'head'>): Witnesses {
  return {
    async ahead() {
      const { rows } = await pool.query<{ name: string; position: string }>(
        `select name, max(position)::text as position from projections.generations where state = 'live' group by name`,
      );
      const head = await store.head();
      return rows
        .filter(({ position }) => BigInt(position) > head)
        .map(
          ({ name, position }) =>
            `the read model ${name} is at position ${position}, beyond the end of the log (${head}): its end was cut off`,
        );
    },
    async *shortened(revisionOf) {
      for (const witness of await findWitnesses(pool)) yield* shortenedBy(witness, pool, store, revisionOf);
    },
  };
}

async function* shortenedBy(
  { name, streamOf, sql }: Witness,
  pool: pg.Pool,
  store: Pick<EventStore, 'readStream'>,
  revisionOf: (stream: string) => number,
): AsyncGenerator<string> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows } = await pool.query<{ id: string; revision: number }>(sql, [after, PAGE]);
    for (const { id, revision } of rows) {
      const stream = streamOf(id);
      if (revisionOf(stream) >= revision) continue;
      const [last] = await store.readStream(stream, { direction: 'backwards', limit: 1 });
      const found = last?.revision ?? -1;
      if (found < revision) yield `revision ${found + 1} of ${stream} is missing: ${name} knows of revision ${revision}`;
    }
    if (rows.length < PAGE) return;
    after = rows.at(-1)!.id;
  }
}

/** The live read models of this release, where they are of this log, and the accounts. */
async function findWitnesses(pool: pg.Pool): Promise<Witness[]> {
  const { rows } = await pool.query<{ name: string; version: number; generation: number }>(
    `select name, version, generation from projections.generations where state = 'live' and complete order by name`,
  );
  const isOfThisRelease = ({ name, version }: { name: string; version: number }) =>
    allProjections.some((projection) => projection.name === name && projection.version === version);
  const witnesses = rows.filter(isOfThisRelease).flatMap((generation): Witness[] => {
    const sql = statements[generation.name]?.(schemaOf(generation));
    return sql === undefined ? [] : [{ name: `the read model ${generation.name}`, streamOf: taskStream, sql }];
  });
  return [...witnesses, { name: 'the table of accounts', streamOf: userStream, sql: accounts }];
}

const statements: Record<string, (schema: string) => string> = {
  listing: (schema) => `select id, revision from ${schema}.tasks where id > $1 order by id limit $2`,
  history: (schema) => `select id, max(revision) as revision from ${schema}.versions where id > $1 group by id order by id limit $2`,
  activity: (schema) =>
    `select task_id as id, max(revision) as revision from ${schema}.activity where task_id > $1 group by task_id order by task_id limit $2`,
};

// What is on its way into the log is not there yet.
const accounts = `
  select id, log_revision as revision from accounts.users
   where id > $1 and not exists (select from accounts.outbox where user_id = users.id) order by id limit $2`;
