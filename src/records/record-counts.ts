import { isDeepStrictEqual } from 'node:util';
import type pg from 'pg';
import { createKeyWrap, type MasterKeys } from '../events/keys/master-key.ts';

/** How much there is to be found of what is kept beside the database. */
export interface RecordCounts {
  erasures: number;
  /** Of each instance's file of signed heads, by the hash of its first: the events that its last head speaks for. */
  signedEvents: Readonly<Record<string, number>>;
}

/** The counts, sealed in the database: who can write to it cannot make records that are lost look like none. */
export interface SealedCounts {
  /** Null where nothing was ever counted; `unreadable` where something is there that this master key has not sealed. */
  read(): Promise<RecordCounts | null | 'unreadable'>;
  /** Raises what is higher now, and lowers nothing. */
  raise(counts: Partial<RecordCounts>): Promise<void>;
}

const CONTEXT = 'records of the installation';

export function createSealedCounts(pool: pg.Pool, keys: MasterKeys): SealedCounts {
  const wrap = createKeyWrap(keys, 'record counts');
  const opened = (sealed: Buffer | undefined): RecordCounts | null | 'unreadable' => {
    if (sealed === undefined) return null;
    try {
      return JSON.parse(wrap.open(sealed, CONTEXT).toString()) as RecordCounts;
    } catch {
      return 'unreadable';
    }
  };

  return {
    async read() {
      const { rows } = await pool.query<{ counts: Buffer }>('select counts from event_log.records');
      return opened(rows[0]?.counts);
    },
    async raise({ erasures = 0, signedEvents = {} }) {
      for (;;) {
        const { rows } = await pool.query<{ counts: Buffer }>('select counts from event_log.records');
        // What does not open was reported at the start; counting begins again.
        const found = opened(rows[0]?.counts);
        const before = found === 'unreadable' ? null : found;
        const raised: RecordCounts = {
          erasures: Math.max(before?.erasures ?? 0, erasures),
          signedEvents: { ...before?.signedEvents, ...higher(signedEvents, before?.signedEvents) },
        };
        if (before && isDeepStrictEqual(before, raised)) return;
        // Another instance may raise them at the same time: what was read must still be there.
        const { rowCount } = await pool.query(
          `insert into event_log.records (counts) values ($1)
           on conflict (only_one) do update set counts = $1 where records.counts = $2`,
          [wrap.seal(Buffer.from(JSON.stringify(raised)), CONTEXT), rows[0]?.counts ?? Buffer.alloc(0)],
        );
        if (rowCount === 1) return;
      }
    },
  };
}

function higher(counts: RecordCounts['signedEvents'], than: RecordCounts['signedEvents'] = {}): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).filter(([chain, events]) => events > (than[chain] ?? 0)));
}
