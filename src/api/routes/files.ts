import contentDisposition from 'content-disposition';
import { LRUCache } from 'lru-cache';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import type { CommandOutcome } from '../../commands/command-order.ts';
import { type Reservation, type StorageQuota, withoutQuota } from '../../commands/storage-quota.ts';
import { attachFile, blobKeyOf, deleteFile, requireFile } from '../../commands/task/attach-file.ts';
import { requirePermission } from '../../commands/task/task-command.ts';
import type { FileState } from '../../events/task/task.ts';
import type { FileStorage } from '../../platform/files/file-storage.ts';
import { passing } from '../../platform/files/passing-bytes.ts';
import type { Staging } from '../../platform/files/staging.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { Rejection } from '../../rejection.ts';
import { rangeOf } from '../byte-range.ts';
import { commandAnswer, commandCall, taskHeaders } from '../command-request.ts';
import { matchesEtag } from '../etag.ts';
import { partOverhead } from '../multipart.ts';
import { RefusalWithHeaders } from '../refusal-with-headers.ts';
import { tellingMismatch } from '../revision-mismatch.ts';
import { type Answer, type Handled, type Route, route } from '../route.ts';
import {
  answerNothing,
  commandOnTask,
  type OnTask,
  refusalsOnTask,
  TaskPath,
  type TaskServices,
  taskCommands,
  taskHeaderNames,
} from '../task-commands.ts';
import { filePart, receiveUpload, type Uploaded, type UploadRules } from '../uploads.ts';
import { FileView, fileView } from '../views/file-view.ts';
import { PageQuery, pageAnswer, pageOf, pageRequest } from '../views/listing-view.ts';

export interface FileServices extends TaskServices {
  queriesFor: QueriesFor<'listFiles' | 'taskOfFile'>;
  files: { storage: FileStorage; staging: Staging; quota: StorageQuota; rules: UploadRules };
}

const fileHeaderNames = ['ETag', 'Accept-Ranges', 'Content-Disposition'] as const;
const FilePath = z.strictObject({ file_id: z.string() });
const REMEMBERED = 10_000;

type OnFile = Pick<Handled<{ file_id: string }, unknown, unknown, OnTask['caller']>, 'params' | 'caller' | 'request'>;

/** The files of tasks: what is known of them is in the task, their contents are in the storage. */
export function fileRoutes(services: FileServices): Route[] {
  const { tasks, people, queriesFor, freshness, files } = services;
  const { carryOut, settled } = taskCommands(services);
  /** The tasks of files that the read model may not know yet. */
  const recent = new LRUCache<string, string>({ max: REMEMBERED });

  /** Refuses a caller who may not, or whose view of the task is old, before anything is read; with a key, which comes before the state, only the first. */
  const requireWelcome = async ({ params, caller, request }: OnTask) => {
    const { idempotency, ...call } = commandCall(caller, request, 'post', null);
    if (idempotency) {
      const { task } = await tasks.read(params.task_id, caller, { deleted: true });
      return requirePermission(task, caller, 'edit');
    }
    const nothingYet = { fileId: '', name: '', size: 0, contentType: '', sha256: '', blobKey: '' };
    const [result] = await tasks.tryAll([params.task_id], attachFile, nothingYet, call);
    if (result?.error) await tellingMismatch(Promise.reject(result.error), people);
  };

  /** Room in the caller's quota, asked for before the body is read. The repeat of an upload stores nothing and needs none. */
  const reserve = async ({ params, caller, request }: OnTask): Promise<Reservation> => {
    await files.staging.requireSpace();
    const isRepeat = await tasks.isRepeat(params.task_id, commandCall(caller, request, 'post', null));
    const sent = Number(request.http.headers['content-length'] ?? 0);
    return (isRepeat ? withoutQuota : files.quota).reserve(caller.id, Math.max(0, sent - partOverhead));
  };

  /** First the content is stored, then it is said. What a crash leaves in between is collected: nothing leads to it. */
  const attach = async (
    { params, caller, request }: OnTask,
    { staged, name, contentType }: Uploaded,
    reservation: Reservation,
  ): Promise<CommandOutcome> => {
    const { size, sha256 } = staged;
    const fileId = uuidv7();
    const blobKey = blobKeyOf(params.task_id, fileId);
    try {
      await reservation.settle(size, fileId);
      await files.storage.put(blobKey, staged.path, size);
    } catch (error) {
      await giveUp(blobKey, reservation);
      throw error;
    }
    const file = { fileId, name, size, contentType, sha256, blobKey };
    const call = commandCall(caller, request, 'post', { name, sha256 });
    try {
      const outcome = await settled(caller, tasks.execute(params.task_id, attachFile, file, call));
      if (outcome.replayed) await giveUp(blobKey, reservation);
      return outcome;
    } catch (error) {
      // Of any other failure it is not known whether the event was written after all.
      const isRefusal = error instanceof Rejection || error instanceof RefusalWithHeaders;
      if (isRefusal) await giveUp(blobKey, reservation);
      throw error;
    }
  };

  /** What fails here is collected later. */
  const giveUp = async (blobKey: string, reservation: Reservation) => {
    await files.storage.remove(blobKey).catch(() => {});
    await reservation.release().catch(() => {});
  };

  const taskOf = async ({ params: { file_id: id }, caller, request }: OnFile): Promise<string> => {
    const known = recent.get(id) ?? (await queriesFor(request).taskOfFile(id));
    if (known !== undefined) return known;
    await freshness.wait({ caller, request, models: ['listing'] });
    const taskId = await queriesFor(request).taskOfFile(id);
    if (taskId === undefined) throw fileNotFound();
    return taskId;
  };

  const find = async (asked: OnFile): Promise<FileState> => {
    const { task } = await asFileNotFound(tasks.read(await taskOf(asked), asked.caller));
    const file = requireFile(task, asked.params.file_id);
    if (file.purged) throw new Rejection('FILE_PURGED', 'The content of this file is gone');
    return file;
  };

  return [
    route({
      ...commandOnTask,
      method: 'post',
      path: '/tasks/:task_id/files',
      tag: 'Files',
      summary: 'Attach a file to a task',
      description: `One part, \`${filePart}\`. With an \`Idempotency-Key\` the same body is the same name and content.`,
      needs: { scope: 'tasks:write', task: 'edit' },
      upload: filePart,
      gives: [...taskHeaderNames, 'Location'],
      answers: { 201: FileView },
      rejects: [
        ...refusalsOnTask,
        'LIMIT_REACHED',
        'FILE_TOO_LARGE',
        'STORAGE_QUOTA_EXCEEDED',
        'FILE_TYPE_NOT_ALLOWED',
        'UNSUPPORTED_MEDIA_TYPE',
        'REQUEST_TIMEOUT',
      ],
      async handle(input) {
        await requireWelcome(input);
        const reservation = await reserve(input);
        const uploaded = await receiveUpload(input.request.http, files.staging, files.rules, reservation).catch(async (error) => {
          await reservation.release().catch(() => {});
          throw error;
        });
        try {
          const outcome = await attach(input, uploaded, reservation);
          const { file_id: id } = outcome.events.find((event) => event.type === 'FileAttached')!.data;
          recent.set(id, outcome.task.id);
          const file = outcome.task.files.get(id)!;
          const named = await people([file.uploadedBy]);
          const headers = { ...taskHeaders(outcome), Location: `/api/v1/files/${id}` };
          return commandAnswer(input.request, 201, headers, () => fileView(outcome.task.id, id, file, named));
        } finally {
          await files.staging.remove(uploaded.staged);
        }
      },
    }),
    route({
      method: 'get',
      path: '/tasks/:task_id/files',
      tag: 'Files',
      summary: 'List the files of a task, oldest first',
      needs: { scope: 'tasks:read', task: 'view' },
      params: TaskPath,
      query: PageQuery,
      obeys: ['Tasktrail-Position'],
      gives: ['Tasktrail-Stale?'],
      answers: { 200: pageOf(FileView) },
      rejects: ['TASK_NOT_FOUND', 'INVALID_CURSOR'],
      absent: 'TASK_NOT_FOUND',
      async handle({ params: { task_id: taskId }, query, caller, request }) {
        await tasks.read(taskId, caller);
        const { headers } = await freshness.wait({ caller, request, models: ['listing'], taskId });
        const part = pageRequest(query);
        return pageAnswer(await queriesFor(request).listFiles(taskId, part), part, request, headers);
      },
    }),
    route({
      method: 'get',
      path: '/files/:file_id',
      tag: 'Files',
      summary: 'Download a file',
      description: '`Range` asks for one part of it.',
      needs: { scope: 'tasks:read', task: 'view' },
      params: FilePath,
      obeys: ['If-None-Match', 'Tasktrail-Position', 'Range', 'If-Range'],
      gives: { 200: fileHeaderNames, 206: [...fileHeaderNames, 'Content-Range'], 304: fileHeaderNames },
      answers: { 200: { contentTypes: ['*/*'] }, 206: { contentTypes: ['*/*'] }, 304: null },
      rejects: ['FILE_NOT_FOUND', 'FILE_PURGED', 'RANGE_NOT_SATISFIABLE'],
      absent: 'FILE_NOT_FOUND',
      handle: async (asked) => download(files.storage, await find(asked), asked.request),
    }),
    route({
      method: 'delete',
      path: '/files/:file_id',
      tag: 'Files',
      summary: 'Delete a file',
      description: 'Its content goes some days later.',
      needs: { scope: 'tasks:write', task: 'edit' },
      params: FilePath,
      obeys: ['If-Match', 'If-None-Match', 'Idempotency-Key'],
      gives: taskHeaderNames,
      answers: { 204: null },
      rejects: ['FILE_NOT_FOUND', 'FORBIDDEN', 'REVISION_MISMATCH', 'IDEMPOTENCY_KEY_REUSED', 'WRITE_CONTENTION'],
      absent: 'FILE_NOT_FOUND',
      async handle(input) {
        const onTask = { ...input, params: { task_id: await taskOf(input) } };
        const outcome = carryOut('delete', onTask, deleteFile, { fileId: input.params.file_id });
        return answerNothing(await asFileNotFound(outcome));
      },
    }),
  ];
}

function download(storage: FileStorage, { name, size, contentType, sha256, blobKey }: FileState, request: OnFile['request']): Answer {
  const etag = `"${sha256}"`;
  const headers = { ETag: etag, 'Accept-Ranges': 'bytes', 'Content-Disposition': contentDisposition(name) };
  if (matchesEtag(request.header('if-none-match'), etag)) return { status: 304, headers };
  const range = request.http.method === 'HEAD' ? undefined : rangeOf(request, size, etag);
  const length = range ? range.end - range.start + 1 : size;
  return {
    status: range ? 206 : 200,
    headers: {
      ...headers,
      'Content-Length': String(length),
      ...(range && { 'Content-Range': `bytes ${range.start}-${range.end}/${size}` }),
    },
    stream: {
      contentType,
      chunks: contentOf(storage, blobKey, range),
      asItIs: true,
    },
  };
}

/** Opened when the first piece is taken, so that nothing is open where none is. */
async function* contentOf(storage: FileStorage, ...blob: Parameters<FileStorage['read']>): AsyncGenerator<Uint8Array> {
  yield* passing(await storage.read(...blob));
}

function fileNotFound(): Rejection {
  return new Rejection('FILE_NOT_FOUND', 'There is no such file');
}

/** Of a file, that its task is absent or not to be seen is the same answer as that there is none. */
async function asFileNotFound<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof Rejection && error.code === 'TASK_NOT_FOUND' ? fileNotFound() : error;
  }
}
