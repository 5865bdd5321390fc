import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { inTransaction } from '../platform/postgres/transaction.ts';
import { Rejection } from '../rejection.ts';

/** An upload's share of its user's quota, from before its first byte until the read model knows the file. */
export interface Reservation {
  /** Makes room for what has come: in steps, so that few pieces cost a statement. @throws Rejection STORAGE_QUOTA_EXCEEDED */
  cover(bytes: number): Promise<void>;
  /** The whole file has come, is of this size, and will be attached under this id. @throws Rejection STORAGE_QUOTA_EXCEEDED */
  settle(bytes: number, fileId: string): Promise<void>;
  release(): Promise<void>;
}

/** How many bytes the files of each user may have that are not purged, with those that are on their way. */
export interface StorageQuota {
  /** @param leastBytes what the upload will have at the least @throws Rejection STORAGE_QUOTA_EXCEEDED */
  reserve(userId: string, leastBytes: number): Promise<Reservation>;
  /** Forgets uploads that nothing was heard of since then: their process has died. */
  cleanUp(before: Date): Promise<void>;
}

export interface Pending {
  id: string;
  bytes: number;
  fileId: string | null;
}

export interface StorageQuotaDependencies {
  pool: pg.Pool;
  /** Bytes a user. */
  maxBytes: number;
  /** The bytes of the user's files in the read model, and of those pending uploads that are not among these files. */
  usedBytes(client: pg.ClientBase, userId: string, pending: readonly Pending[]): Promise<number>;
}

/** Bytes that an upload of unknown length may be ahead of its reservation. */
const STEP_BYTES = 256 * 1024;

/** For an installation without a quota. */
export const withoutQuota: StorageQuota = {
  reserve: async () => ({ cover: async () => {}, settle: async () => {}, release: async () => {} }),
  cleanUp: async () => {},
};

/** Exact on any number of instances: the reservations of one user are made one after the other. */
export function createStorageQuota(dependencies: StorageQuotaDependencies): StorageQuota {
  const { pool, maxBytes, usedBytes } = dependencies;

  const write = async (userId: string, { id, bytes, fileId }: Pending) => {
    const client = await pool.connect();
    try {
      await inTransaction(client, async () => {
        await client.query(`select pg_advisory_xact_lock(hashtextextended('storage quota ' || $1, 0))`, [userId]);
        const { rows } = await client.query<Pending & { bytes: string }>(
          'select id, bytes, file_id as "fileId" from uploads.reservations where user_id = $1 and id <> $2',
          [userId, id],
        );
        const others = rows.map((row) => ({ ...row, bytes: Number(row.bytes) }));
        const used = await usedBytes(client, userId, others);
        if (used + bytes > maxBytes) throw quotaExceeded(maxBytes, used);
        await client.query(
          `insert into uploads.reservations (id, user_id, bytes, file_id) values ($1, $2, $3, $4)
           on conflict (id) do update set bytes = excluded.bytes, file_id = excluded.file_id, touched_at = now()`,
          [id, userId, bytes, fileId],
        );
      });
    } finally {
      client.release();
    }
  };

  return {
    async reserve(userId, leastBytes) {
      const id = randomUUID();
      let reserved = leastBytes;
      await write(userId, { id, bytes: reserved, fileId: null });
      return {
        async cover(bytes) {
          if (bytes <= reserved + STEP_BYTES) return;
          await write(userId, { id, bytes, fileId: null });
          reserved = bytes;
        },
        settle: (bytes, fileId) => write(userId, { id, bytes, fileId }),
        async release() {
          await pool.query('delete from uploads.reservations where id = $1', [id]);
        },
      };
    },
    async cleanUp(before) {
      await pool.query('delete from uploads.reservations where touched_at < $1', [before]);
    },
  };
}

function quotaExceeded(limit: number, used: number): Rejection {
  const message = 'The file would exceed your storage quota; delete files, whose space is free again once they are purged';
  return new Rejection('STORAGE_QUOTA_EXCEEDED', message, [{ limit, used }]);
}
