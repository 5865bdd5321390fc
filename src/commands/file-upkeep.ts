import { randomUUID } from 'node:crypto';
import type { FileStorage } from '../platform/files/file-storage.ts';
import type { Staging } from '../platform/files/staging.ts';
import { Rejection } from '../rejection.ts';
import type { StorageQuota } from './storage-quota.ts';
import { purgeFiles } from './task/purge-files.ts';
import type { Tasks } from './tasks.ts';

const DAY_MS = 86_400_000;
/** Longer than any upload takes from its last byte to its event, or any from one byte to the next. */
const GRACE_MS = 3_600_000;
const BATCH = 500;

export interface FileUpkeepParts {
  storage: FileStorage;
  staging: Pick<Staging, 'sweep'>;
  quota: Pick<StorageQuota, 'cleanUp'>;
  tasks: Pick<Tasks, 'execute' | 'read'>;
  /** Days for which what was deleted can be had back. */
  retentionDays: number;
  /** What the read model knows; the tasks' own streams decide. */
  readModel: {
    tasksWithDueFiles(deletedBy: string): Promise<string[]>;
    wantedFiles(fileIds: readonly string[]): Promise<Set<string>>;
  };
}

export interface FileUpkeep {
  /** Purges what is due, and collects what a crash has left behind; ends early when the signal aborts. Instances may do so at the same time. */
  run(signal?: AbortSignal): Promise<void>;
  /** Purges, without any delay, the files of a task that is deleted, and those of its files that are. */
  purge(taskId: string): Promise<void>;
}

const system = { id: '00000000-0000-0000-0000-000000000000', kind: 'system', isAdmin: true } as const;

export function createFileUpkeep({ storage, staging, quota, tasks, retentionDays, readModel }: FileUpkeepParts): FileUpkeep {
  /** First it is said, then done: what is not done is collected later, as what nobody wants. */
  const purge = async (taskId: string, deletedBy: string, now: Date) => {
    const [operationId, at] = [randomUUID(), now.toISOString()];
    const call = { actor: system, operationId, requestId: operationId, at };
    const { task, events } = await tasks.execute(taskId, purgeFiles, { deletedBy }, call);
    for (const { type, data } of events) {
      if (type === 'FilesPurged') for (const id of data.file_ids) await storage.remove(task.files.get(id)!.blobKey);
    }
  };

  const isWanted = async (key: string): Promise<boolean> => {
    const [taskId, fileId] = key.split('/') as [string, string];
    try {
      const { task } = await tasks.read(taskId, system, { deleted: true });
      const file = task.files.get(fileId);
      return file !== undefined && file.blobKey === key && !file.purged;
    } catch (error) {
      if (error instanceof Rejection && error.code === 'TASK_NOT_FOUND') return false;
      throw error;
    }
  };

  const collect = async (keys: readonly string[]) => {
    const wanted = await readModel.wantedFiles(keys.map((key) => key.split('/')[1]!));
    for (const key of keys) if (!wanted.has(key.split('/')[1]!) && !(await isWanted(key))) await storage.remove(key);
  };

  const collectOrphans = async (before: Date, signal?: AbortSignal) => {
    let batch: string[] = [];
    for await (const { key, storedAt } of storage.list()) {
      if (signal?.aborted) return;
      if (storedAt >= before || !isOfFile(key)) continue;
      if (batch.push(key) < BATCH) continue;
      await collect(batch);
      batch = [];
    }
    await collect(batch);
  };

  return {
    async run(signal) {
      const now = new Date();
      const deletedBy = new Date(now.getTime() - retentionDays * DAY_MS).toISOString();
      for (const taskId of await readModel.tasksWithDueFiles(deletedBy)) {
        if (signal?.aborted) return;
        await purge(taskId, deletedBy, now);
      }
      const before = new Date(now.getTime() - GRACE_MS);
      await staging.sweep(before);
      await quota.cleanUp(before);
      await collectOrphans(before, signal);
    },
    purge: (taskId) => purge(taskId, new Date().toISOString(), new Date()),
  };
}

/** Others may keep their own things in the same bucket. */
function isOfFile(key: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(key);
}
