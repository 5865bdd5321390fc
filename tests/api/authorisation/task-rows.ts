import { type Deed, type Outcome, type Relation, type State, withShare } from './contract.ts';
import type { Answered, Row } from './row.ts';

const read = (deletedToo = false): Pick<Row, 'for' | 'token' | 'done'> => ({
  for: { task: 'read', deletedToo },
  token: 'tasks:read',
  done: 200,
});
const edit: Pick<Row, 'for' | 'token' | 'done'> = { for: { task: 'edit' }, token: 'tasks:write', done: 200 };
const manage: Pick<Row, 'for' | 'token' | 'done'> = { for: { task: 'manage' }, token: 'tasks:write', done: 200 };

/** A body that assigns, in the three ways that the contract tells apart. */
const assignments = (body: (assignee_id: string | null) => unknown, ending: Deed = 'end an assignment'): Row[] => [
  {
    ...edit,
    as: 'to a user who may edit',
    for: { task: 'assign to a user who may edit' },
    assignments: true,
    states: ['shared', 'revoked', 'deleted', 'absent'],
    body: ({ owner }) => body(owner.id),
  },
  {
    ...edit,
    as: 'to someone who has none',
    for: { task: 'assign to anyone active' },
    assignments: true,
    states: ['shared', 'deleted', 'absent'],
    body: ({ people }) => body(people.stranger.id),
  },
  {
    ...edit,
    as: 'back',
    for: { task: ending },
    assignments: true,
    states: ['shared', 'deleted', 'absent'],
    body: () => body(null),
  },
];

const inBulk = ({ status, body }: Answered): Outcome => {
  const result = status === 200 ? body.results[0] : body.error.details[0];
  if (result.success) return 'done';
  return result.code === 'TASK_NOT_FOUND' ? '404 TASK_NOT_FOUND' : (`403 ${result.code}` as Outcome);
};
/** No id at all is a fault of the body there. */
const bulkStates: readonly State[] = ['own', 'shared', 'revoked', 'deleted', 'absent'];
const bulk = (row: Pick<Row, 'for' | 'body'>): Row[] => [
  { token: 'tasks:write', done: 200, states: bulkStates, inside: inBulk, ...row },
  {
    as: 'all or nothing',
    token: 'tasks:write',
    done: [200, 409],
    states: bulkStates,
    inside: inBulk,
    ...row,
    body: (place) => ({ ...(row.body!(place) as object), atomic: true }),
  },
];

/** Of a run on one task. */
const inRun = ({ body }: Answered): Outcome => {
  const [result] = body.results;
  if (result?.success) return 'done';
  return (result?.code ?? 'TASK_NOT_FOUND') === 'TASK_NOT_FOUND' ? '404 TASK_NOT_FOUND' : (`403 ${result.code}` as Outcome);
};

const withAccess = (relation: Relation, state: State) => relation !== 'none' && relation !== 'admin' && state !== 'deleted';
const sharees = (relation: Relation, state: State) => withShare.includes(relation) && state !== 'deleted';
const list = (shows: (relation: Relation, state: State) => boolean, query = ''): Row => ({
  for: 'the signed in',
  token: 'tasks:read',
  done: 200,
  query: ({ tag }) => `tags=${tag}${query}`,
  list: { shows },
});
const comment: Pick<Row, 'for' | 'token' | 'done'> = { ...edit, for: { task: 'comment, edit and delete own comments' } };
/** Where somebody's share is named, who has one only there. */
const withShares: readonly State[] = ['shared', 'deleted', 'absent', 'no id at all'];
const exported: Pick<Row, 'oneByOne' | 'list'> = {
  oneByOne: true,
  list: { shows: withAccess, has: ({ body }, { id }) => JSON.stringify(body).includes(id) },
};
const forAdmins = { for: 'admins' } as const;

/** By method and path, as the route table has them. */
export const taskRows: Record<string, Row | Row[]> = {
  'POST /tasks': [
    { for: 'the signed in', token: 'tasks:write', done: 201, object: 'nothing', body: () => ({ title: 'New' }) },
    {
      as: 'assigned at once',
      for: 'the signed in',
      token: 'tasks:write',
      done: 201,
      object: 'nothing',
      body: ({ people }) => ({ title: 'New', assignee_id: people.stranger.id }),
    },
  ],
  'GET /tasks': [
    list(withAccess),
    { as: 'owned', ...list((relation, state) => relation === 'owner' && state !== 'deleted', '&scope=owned') },
    { as: 'assigned', ...list((relation, state) => /^assign|^bare/.test(relation) && state !== 'deleted', '&scope=assigned') },
    { as: 'shared', ...list(sharees, '&scope=shared') },
    { as: 'deleted', ...list((relation, state) => relation === 'owner' && state === 'deleted', '&deleted=true') },
    { as: 'by owner', ...list(withAccess), query: ({ tag, owner }) => `tags=${tag}&owner=${owner.id}` },
    { as: 'as CSV', ...list(withAccess, '&format=csv'), ...exported },
    { as: 'as ndjson', ...list(withAccess, '&format=ndjson'), ...exported },
    { as: "everybody's", ...list((_, state) => state !== 'deleted' && state !== 'absent', '&scope=everyone'), ...forAdmins },
    { as: "everybody's deleted", ...list((_, state) => state === 'deleted', '&scope=everyone&deleted=true'), ...forAdmins },
  ],
  'GET /tasks/admin/all': { ...list((_, state) => state !== 'deleted' && state !== 'absent'), ...forAdmins },
  'GET /tasks/shared-with-me': list(sharees),
  'GET /tasks/stats': [
    { for: 'the signed in', token: 'tasks:read', done: 200, object: 'nothing' },
    { as: "everybody's", for: 'admins', token: 'tasks:read', done: 200, object: 'nothing', query: () => 'scope=everyone' },
  ],
  'GET /tasks/stats/flow': [
    { for: 'the signed in', token: 'tasks:read', done: 200, object: 'nothing', query: () => 'from=2026-01-01&to=2026-01-31' },
    {
      as: "everybody's",
      for: 'admins',
      token: 'tasks:read',
      done: 200,
      object: 'nothing',
      query: () => 'from=2026-01-01&to=2026-01-31&scope=everyone',
    },
  ],
  'GET /tags': {
    ...list(withAccess),
    // They are listed by count and name, and all of these have to be on the first page.
    tagged: '0',
    query: () => 'per_page=100',
    list: { shows: withAccess, has: ({ body }, { tag }) => body.items.some((item: { tag: string }) => item.tag === tag) },
  },
  'GET /tasks/:task_id/diff': { ...read(true), query: () => 'from=0&to=0' },
  'GET /tasks/:task_id': read(),
  'PUT /tasks/:task_id': [
    { ...edit, body: () => ({ title: 'Another' }) },
    ...assignments((assignee_id) => ({ title: 'Another', assignee_id }), 'edit and end an assignment'),
  ],
  'PATCH /tasks/:task_id': [
    { ...edit, body: () => ({ title: 'Another' }) },
    { ...edit, as: 'nothing to do', body: () => ({}), writesNothing: true },
    ...assignments((assignee_id) => ({ assignee_id })),
  ],
  'DELETE /tasks/:task_id': { ...manage, done: 204 },
  'DELETE /tasks/:task_id/force': { for: { task: 'force' }, token: 'tasks:write', done: 204 },
  'POST /tasks/:task_id/restore': [
    { ...manage, for: { task: 'manage', deletedToo: true }, states: ['deleted', 'absent', 'no id at all'] },
    { ...manage, as: 'nothing to do', states: ['own', 'shared', 'revoked'], writesNothing: true },
  ],
  'POST /tasks/:task_id/assign': assignments((assignee_id) => ({ assignee_id })),
  'POST /tasks/:task_id/transition': { ...edit, body: () => ({ target_status: 'in_progress', comment: 'Here we go' }) },
  'POST /tasks/:task_id/tags': [
    { ...edit, body: () => ({ tags: ['new'] }) },
    { ...edit, as: 'a bare list', body: () => ['new'] },
  ],
  'DELETE /tasks/:task_id/tags/:tag': { ...edit, params: () => ({ tag: 'left' }) },
  'POST /tasks/:task_id/share': { ...manage, done: 201, body: ({ people }) => ({ user_id: people.stranger.id }) },
  'GET /tasks/:task_id/shares': {
    ...read(),
    // Others than the owner and admins see themselves only.
    list: {
      shows: (relation, state) => (relation === 'owner' || relation === 'admin') && state === 'shared',
      has: ({ body }) => body.items.length === 2,
    },
  },
  'PUT /tasks/:task_id/share/:user': {
    ...manage,
    states: withShares,
    params: ({ people }) => ({ user: people.viewer.username }),
    body: () => ({ permission: 'edit' }),
  },
  'DELETE /tasks/:task_id/share/:user': [
    {
      ...manage,
      as: "another's",
      done: 204,
      states: withShares,
      params: ({ caller, people }) => ({ user: caller === 'editor' ? people.viewer.id : people.editor.id }),
    },
    {
      ...edit,
      as: 'leaving',
      for: { task: 'leave' },
      done: 204,
      states: withShares,
      assignments: true,
      params: ({ callerId }) => ({ user: callerId }),
    },
  ],
  'POST /tasks/:task_id/transfer': { ...manage, body: ({ people }) => ({ new_owner_id: people.stranger.id }) },
  'POST /tasks/:task_id/comments': { ...comment, done: 201, body: () => ({ content: 'Well' }) },
  'GET /tasks/:task_id/comments': read(),
  'PATCH /tasks/:task_id/comments/:comment_id': [
    { ...comment, as: 'own', comment: 'own', body: () => ({ content: 'Well' }) },
    { ...comment, as: "another's", for: { task: "edit another's comment" }, comment: "another's", body: () => ({ content: 'Well' }) },
  ],
  'DELETE /tasks/:task_id/comments/:comment_id': [
    { ...comment, as: 'own', done: 204, comment: 'own' },
    { ...manage, as: "another's", done: 204, comment: "another's" },
  ],
  'POST /tasks/:task_id/comments/:comment_id/restore': [
    { ...comment, as: 'own', comment: 'own, deleted' },
    { ...comment, as: "another's", for: { task: "restore another's comment" }, comment: "another's, deleted" },
  ],
  'GET /tasks/:task_id/comments/:comment_id/history': { ...read(), comment: "another's" },
  'POST /tasks/:task_id/files': {
    ...edit,
    done: 201,
    type: 'multipart/form-data; boundary=b',
    body: () => '--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nHello\r\n--b--\r\n',
  },
  'GET /tasks/:task_id/files': read(),
  // Whose content is purged: whoever may have it is told so.
  'GET /files/:file_id': { ...read(), file: true, absent: 'FILE_NOT_FOUND', done: '410 FILE_PURGED' },
  'DELETE /files/:file_id': { ...edit, file: true, absent: 'FILE_NOT_FOUND', done: 204 },
  'POST /tasks/bulk-status': bulk({ for: { task: 'edit' }, body: ({ id }) => ({ task_ids: [id], target_status: 'in_progress' }) }),
  'PATCH /tasks/bulk': bulk({ for: { task: 'edit' }, body: ({ id }) => ({ task_ids: [id], updates: { title: 'Another' } }) }),
  'POST /tasks/bulk-delete': bulk({ for: { task: 'manage' }, body: ({ id }) => ({ task_ids: [id] }) }),
  'POST /tasks/:task_id/undo': [
    { ...edit, as: 'own', edited: 'own', body: () => ({}) },
    { ...manage, as: "another's", edited: "another's", body: () => ({ revision: 1 }) },
  ],
  'POST /activity/undo': [
    {
      ...edit,
      as: 'own',
      edited: 'own',
      states: ['own', 'shared', 'revoked', 'deleted'],
      inside: inRun,
      body: ({ operationId }) => ({ operation_id: operationId }),
    },
    {
      as: "another's",
      for: 'admins',
      token: 'tasks:write',
      done: 200,
      object: 'nothing',
      body: ({ people }) => ({ actor_id: people.disabled.id, from: '2020-01-01', to: '2020-01-02', dry_run: true }),
      writesNothing: true,
    },
  ],
  'GET /activity': [
    {
      ...list((relation) => relation === 'owner'),
      query: ({ id }) => `task_id=${id}`,
      states: bulkStates,
      list: { shows: (relation, state) => relation === 'owner' && state !== 'absent', has: tellsOf },
    },
    {
      as: "another's",
      for: 'admins',
      token: 'tasks:read',
      done: 200,
      states: bulkStates,
      query: ({ id, people }) => `task_id=${id}&actor=${people.disabled.id}`,
      list: { shows: () => false, has: tellsOf },
    },
  ],
  'GET /activity/diff': {
    ...list(() => false),
    query: ({ id }) => `from=0&to=${new Date().toISOString()}&task_id=${id}`,
    states: bulkStates,
    list: { shows: (relation, state) => relation !== 'none' && state !== 'deleted', has: tellsOf },
  },
  'GET /activity/stats': { for: 'the signed in', token: 'tasks:read', done: 200, object: 'nothing' },
  'GET /activity/tasks/:task_id': read(true),
  'GET /activity/tasks/:task_id/replay': read(true),
  // A user has few of these at once.
  'GET /activity/tasks/:task_id/verify': { ...read(true), oneByOne: true },
};

function tellsOf({ body }: Answered, { id }: { id: string }): boolean {
  return body.items.some((item: { task_id: string }) => item.task_id === id);
}
