import type { Client, Reply } from '../../support/service.ts';
import { upload } from '../../support/uploads.ts';

/** What a call with a key is made on: a task of the caller's, and a user whom commands name. */
export interface Scene {
  named: { id: string; username: string };
  taskId: string;
  commentId: string;
  fileId: string;
  /** Of an edit of the task. */
  operationId: string;
}

export interface KeyedCall {
  /** What the task must be like for the call, beyond what every scene has. */
  prepare?(scene: Scene, caller: Client): Promise<unknown>;
  /** @param caller on the instance at the address */
  call(scene: Scene, caller: Client, key: Record<string, string>, url: string): Promise<Reply>;
  /** The call appends to a task, and says so of this task in its results. */
  isBulk?: true;
}

type Method = 'post' | 'put' | 'patch' | 'delete';

function onTask(method: Method, path: string | ((scene: Scene) => string), body?: (scene: Scene) => unknown): KeyedCall {
  return {
    call: (scene, caller, key) =>
      caller[method](`/tasks/${scene.taskId}${typeof path === 'string' ? path : path(scene)}`, body?.(scene), key),
  };
}

function onMany(method: Method, path: string, body: (scene: Scene) => object): KeyedCall {
  return { isBulk: true, call: (scene, caller, key) => caller[method](path, { task_ids: [scene.taskId], ...body(scene) }, key) };
}

const shared = {
  prepare: ({ taskId, named }: Scene, caller: Client) => caller.post(`/tasks/${taskId}/share`, { user_id: named.id, permission: 'view' }),
};

/** One call at least for each route that obeys `Idempotency-Key`, by method and path; a word behind `#` tells calls of one route apart. */
export const keyedCalls: Record<string, KeyedCall> = {
  'POST /tasks': { call: ({ named }, caller, key) => caller.post('/tasks', { title: 'Once', assignee_id: named.id }, key) },
  'PUT /tasks/:task_id': onTask('put', '', ({ named }) => ({ title: 'Replaced', assignee_id: named.id })),
  'PATCH /tasks/:task_id': onTask('patch', '', ({ named }) => ({ title: 'Changed', assignee_id: named.id })),
  'DELETE /tasks/:task_id': onTask('delete', ''),
  'DELETE /tasks/:task_id/force': onTask('delete', '/force'),
  'POST /tasks/:task_id/restore': {
    ...onTask('post', '/restore'),
    prepare: ({ taskId }, caller) => caller.delete(`/tasks/${taskId}`),
  },
  'POST /tasks/:task_id/assign': onTask('post', '/assign', ({ named }) => ({ assignee_id: named.id })),
  'POST /tasks/:task_id/transition': onTask('post', '/transition', () => ({ target_status: 'done', comment: 'It is' })),
  'POST /tasks/:task_id/tags': onTask('post', '/tags', () => ({ tags: ['more'] })),
  'DELETE /tasks/:task_id/tags/:tag': onTask('delete', '/tags/first'),
  'POST /tasks/:task_id/undo': onTask('post', '/undo', () => ({})),
  'POST /tasks/:task_id/share': onTask('post', '/share', ({ named }) => ({ username: named.username })),
  'POST /tasks/:task_id/share # by id': onTask('post', '/share', ({ named }) => ({ user_id: named.id })),
  'POST /tasks/:task_id/share # by e-mail': onTask('post', '/share', ({ named }) => ({ email: `${named.username}@tasks.test` })),
  'PUT /tasks/:task_id/share/:user': {
    ...onTask(
      'put',
      ({ named }) => `/share/${named.username}`,
      () => ({ permission: 'edit' }),
    ),
    ...shared,
  },
  'DELETE /tasks/:task_id/share/:user': { ...onTask('delete', ({ named }) => `/share/${named.username}`), ...shared },
  'POST /tasks/:task_id/transfer': onTask('post', '/transfer', ({ named }) => ({ new_owner_id: named.id })),
  'POST /tasks/:task_id/comments': {
    ...onTask('post', '/comments', ({ named }) => ({ content: `What says @${named.username}?` })),
    ...shared,
  },
  'PATCH /tasks/:task_id/comments/:comment_id': {
    ...onTask(
      'patch',
      ({ commentId }) => `/comments/${commentId}`,
      ({ named }) => ({ content: `And @${named.username}?` }),
    ),
    ...shared,
  },
  'DELETE /tasks/:task_id/comments/:comment_id': onTask('delete', ({ commentId }) => `/comments/${commentId}`),
  'POST /tasks/:task_id/comments/:comment_id/restore': {
    ...onTask('post', ({ commentId }) => `/comments/${commentId}/restore`),
    prepare: ({ taskId, commentId }, caller) => caller.delete(`/tasks/${taskId}/comments/${commentId}`),
  },
  'POST /tasks/:task_id/files': {
    call: ({ taskId }, caller, key, url) => upload(url, caller, taskId, { name: 'once.txt', content: 'Once' }, key),
  },
  'DELETE /files/:file_id': { call: ({ fileId }, caller, key) => caller.delete(`/files/${fileId}`, undefined, key) },
  'POST /tasks/bulk-status': onMany('post', '/tasks/bulk-status', () => ({ target_status: 'in_progress' })),
  'PATCH /tasks/bulk': onMany('patch', '/tasks/bulk', ({ named }) => ({ updates: { priority: 'low', assignee_id: named.id } })),
  'POST /tasks/bulk-delete': onMany('post', '/tasks/bulk-delete', () => ({})),
  'POST /activity/undo': {
    isBulk: true,
    call: ({ operationId }, caller, key) => caller.post('/activity/undo', { operation_id: operationId }, key),
  },
};

/** A task of the caller's with a tag, a comment, a file and an edit. */
export async function setScene(caller: Client, url: string, named: Scene['named'], keyed: KeyedCall): Promise<Scene> {
  const { id: taskId } = (await caller.post('/tasks', { title: 'As it was', tags: ['first', 'second'] })).body;
  const { id: commentId } = (await caller.post(`/tasks/${taskId}/comments`, { content: 'A comment' })).body;
  const { id: fileId } = (await upload(url, caller, taskId, { name: 'there.txt', content: 'There' })).body;
  const edited = await caller.patch(`/tasks/${taskId}`, { description: 'As described' });
  const scene = { named, taskId, commentId, fileId, operationId: edited.headers.get('tasktrail-operation')! };
  await keyed.prepare?.(scene, caller);
  return scene;
}
