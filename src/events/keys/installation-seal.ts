import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { createKeyVault } from './key-vault.ts';
import { createKeyWrap, type MasterKeys } from './master-key.ts';

const CONTEXT = 'check value of the installation';
/** One key that opens proves the master key; a few that do not may be damaged rows. */
const SAMPLE_SIZE = 200;

/** The master key is not the one of this installation. */
export class WrongMasterKey extends Error {
  override name = 'WrongMasterKey';
}

/**
 * Opens the value that was sealed when the log was made, so that nothing is ever sealed by another key than the rest. A database of
 * before there was such a value is given one as soon as the key opens any of its data keys.
 * @throws WrongMasterKey, and what pg throws
 */
export async function requireMasterKey(pool: pg.Pool, keys: MasterKeys): Promise<void> {
  const wrap = createKeyWrap(keys, 'check value');
  const sealed = await checkValue(pool);
  if (sealed !== null) return requireOpens(() => wrap.open(sealed, CONTEXT));
  if (!(await opensAny(pool, keys))) throw wrongKey();
  // Of instances that start at once with different keys, the first decides.
  await pool.query('insert into event_log.installation (check_value, wrapped_by) values ($1, $2) on conflict do nothing', [
    wrap.seal(randomBytes(32), CONTEXT),
    wrap.id,
  ]);
  const kept = await checkValue(pool);
  requireOpens(() => wrap.open(kept!, CONTEXT));
}

/** The same on a database that may not have its tables yet, before they are made or changed. @throws WrongMasterKey */
export async function refuseWrongMasterKey(pool: pg.Pool, keys: MasterKeys): Promise<void> {
  const { rows } = await pool.query<{ made: boolean }>(`select to_regclass('event_log.installation') is not null as made`);
  const sealed = rows[0]!.made ? await checkValue(pool) : null;
  if (sealed !== null) requireOpens(() => createKeyWrap(keys, 'check value').open(sealed, CONTEXT));
}

async function checkValue(pool: pg.Pool): Promise<Buffer | null> {
  const { rows } = await pool.query<{ check_value: Buffer }>('select check_value from event_log.installation');
  return rows[0]?.check_value ?? null;
}

/** Whether the key opens one of the data keys, where there are any. */
async function opensAny(pool: pg.Pool, keys: MasterKeys): Promise<boolean> {
  const { rows } = await pool.query<{ id: string }>(
    `(select id from event_log.data_keys where wrapped <> '' order by id limit $1)
     union (select id from event_log.data_keys where wrapped <> '' order by id desc limit $1)`,
    [SAMPLE_SIZE],
  );
  if (rows.length === 0) return true;
  return (await createKeyVault(pool, keys).load(rows.map(({ id }) => id))).size > 0;
}

function requireOpens(open: () => unknown): void {
  try {
    open();
  } catch {
    throw wrongKey();
  }
}

function wrongKey(): WrongMasterKey {
  return new WrongMasterKey(
    'MASTER_KEY is not the key of this installation: nothing that was sealed here opens with it. Set MASTER_KEY to the one that the' +
      ' installation has had (where none was set, DATA_DIR/keys.json holds it), or check that DATABASE_URL is the right database.' +
      ' While the key is being replaced, FORMER_MASTER_KEY must be the former one.',
  );
}
