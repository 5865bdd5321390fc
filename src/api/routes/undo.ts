import { isDeepStrictEqual } from 'node:util';
import type { Caller } from '../../accounts/caller.ts';
import type { CommandCall } from '../../commands/command-call.ts';
import { peopleGivenBack, type Run, undoTask } from '../../commands/task/undo-task.ts';
import type { Job } from '../../platform/jobs/job-table.ts';
import type { TouchedTask } from '../../queries/activity/find-run.ts';
import type { QueriesFor } from '../../queries/queries.ts';
import { Rejection } from '../../rejection.ts';
import { bulkAnswer, bulkHeaders, unconditionalCall } from '../command-request.ts';
import { firstMoment, lastMoment } from '../days.ts';
import { type Answer, type RequestContext, type Route, route } from '../route.ts';
import { commandOnTask, type OnTask, refusalsOnTask, type TaskServices, taskCommands } from '../task-commands.ts';
import { type UndoJob, undoJob } from '../undo-job.ts';
import { type UndoRuns, undoRuns } from '../undo-runs.ts';
import { TaskView } from '../views/task-view.ts';
import { countsOf, type UndoResultView, UndoRunView, undoRunView } from '../views/undo-view.ts';
import { JobView, jobView, type RequestJobs, shareOf } from './async.ts';
import { UndoBody, UndoRunBody } from './undo-bodies.ts';

export interface UndoServices extends TaskServices {
  queriesFor: QueriesFor<'findRun'>;
  jobs: RequestJobs;
}

/** Of so many tasks at most an undo is done before it is answered. */
const MOST_AT_ONCE = 500;
const CHUNK = 100;

/** Taking back: one change of a task, or all that a run did. */
export function undoRoutes(services: UndoServices): Route[] {
  const { tasks, freshness, queriesFor, jobs, isActive } = services;
  const { carryOut, answerTask } = taskCommands(services);
  const runs = undoRuns(services);

  /** Who may not see the task is told so by the command. */
  const activeAmongGivenBack = async ({ params, caller }: OnTask): Promise<Set<string>> => {
    const history = await tasks.history(params.task_id, caller, { deleted: true }).catch((error: unknown) => {
      if (error instanceof Rejection) return null;
      throw error;
    });
    const ids = peopleGivenBack(history?.events ?? []);
    const active = await Promise.all(ids.map(isActive));
    return new Set(ids.filter((_, index) => active[index]));
  };

  return [
    route({
      ...commandOnTask,
      method: 'post',
      path: '/tasks/:task_id/undo',
      tag: 'Activity',
      summary: 'Take back a change of a task',
      description:
        'Without `revision` the caller’s last change of fields, status, tags, assignee or shares that is not itself undone or an undo; again, the one before that. With `revision` that change, also an undo, which then is done again; what others did, for the owner and admins. All that one call did is taken back together, along the workflow or not.',
      needs: { scope: 'tasks:write', task: 'edit' },
      body: UndoBody,
      answers: { 200: TaskView },
      rejects: [...refusalsOnTask, 'REVISION_NOT_FOUND', 'UNDO_CONFLICT', 'NOTHING_TO_UNDO', 'ASSIGNEE_HAS_NO_ACCESS', 'USER_NOT_FOUND'],
      async handle(input) {
        const { revision } = input.body;
        const active = await activeAmongGivenBack(input);
        const undo = { active, ...(revision !== undefined && { revision }) };
        return answerTask(200, input, await carryOut('post', input, undoTask, undo));
      },
    }),
    route({
      method: 'post',
      path: '/activity/undo',
      tag: 'Activity',
      summary: 'Take back all that a run did',
      description: `What one call, request, token or person did, task by task: fields, status, tags, assignee, shares and deletions. What it created, comments and files are left, and told as \`left\`. A task that others have changed the same on since is skipped as a whole, and told with what is in the way. The caller’s own doing; anybody’s for admins. All of it shares this call’s \`Tasktrail-Operation\`, by which it is undone in turn. Of more than ${MOST_AT_ONCE} tasks it is a job, whose result is the same. The key of a call covers each task on its own.`,
      needs: { scope: 'tasks:write' },
      obeys: ['Idempotency-Key', 'Prefer', 'Tasktrail-Position'],
      refuses: 'If-Match',
      gives: {
        200: ['Tasktrail-Position?', 'Idempotent-Replayed?', 'Tasktrail-Stale?'],
        202: ['Location', 'Idempotent-Replayed?', 'Tasktrail-Stale?'],
      },
      body: UndoRunBody,
      answers: { 200: UndoRunView, 202: JobView },
      rejects: ['ADMIN_ONLY', 'IDEMPOTENCY_KEY_REUSED', 'LIMIT_REACHED', 'OVERLOADED', 'DEPENDENCY_UNAVAILABLE'],
      async handle({ body, caller, request }) {
        const run = runOf(body, caller);
        const call = unconditionalCall(caller, request, 'post', body);
        const jobId = call.idempotency && !body.dry_run ? tasks.keyedId(call) : undefined;
        const before = jobId === undefined ? null : await sameJob(jobs, jobId, run, request);
        if (before) return accepted(before, { 'Idempotent-Replayed': 'true' });
        await freshness.requireCurrent(['activity']);
        const { headers } = await freshness.wait({ caller, request, models: ['activity'], ofEverybody: caller.isAdmin });
        const touched = await queriesFor(request).findRun(run);
        if (body.dry_run) return preview(runs, { touched, run, call, headers, signal: request.signal });
        if (touched.length > MOST_AT_ONCE) return accepted(await start(jobs, run, call, jobId), headers);
        const { results, outcomes } = await runs.takeBack(touched, run, call);
        const isWhole = results.every(({ success, left }) => success && left === undefined);
        return bulkAnswer(request, { ...headers, ...bulkHeaders(outcomes) }, undoRunView(results), isWhole);
      },
    }),
  ];
}

/** @throws Rejection ADMIN_ONLY */
function runOf(body: UndoRunBody, caller: Caller): Run {
  const { operation_id: operationId, request_id: requestId, token_id: tokenId, actor_id: actorId } = body;
  if (actorId !== undefined && actorId !== caller.id && !caller.isAdmin) {
    throw new Rejection('ADMIN_ONLY', 'What others did is for admins only');
  }
  const from = body.from && firstMoment(body.from, caller.timezone);
  const to = body.to && lastMoment(body.to, caller.timezone);
  const marks = { operationId, requestId, tokenId, actorId, from, to, by: caller.isAdmin ? undefined : caller.id };
  return Object.fromEntries(Object.entries(marks).filter(([, value]) => value !== undefined));
}

interface Preview {
  touched: readonly TouchedTask[];
  run: Run;
  call: CommandCall;
  headers: Record<string, string>;
  signal: AbortSignal;
}

/** Of any number of tasks: of many it is told as it is worked out. */
async function preview(runs: UndoRuns, { touched, run, call, headers, signal }: Preview): Promise<Answer> {
  if (touched.length <= MOST_AT_ONCE) return { status: 200, headers, body: undoRunView(await runs.preview(touched, run, call)) };
  async function* chunks() {
    const told: Pick<UndoResultView, 'success'>[] = [];
    yield '{"results":[';
    for (let next = 0; next < touched.length && !signal.aborted; next += CHUNK) {
      const results = await runs.preview(touched.slice(next, next + CHUNK), run, call);
      for (const { success } of results) told.push({ success });
      yield (next === 0 ? '' : ',') + results.map((result) => JSON.stringify(result)).join(',');
    }
    yield `],${JSON.stringify(countsOf(told)).slice(1)}`;
  }
  return { status: 200, headers, stream: { contentType: 'application/json; charset=utf-8', chunks: chunks() } };
}

/** The job that a call with the same key has started before. @throws Rejection IDEMPOTENCY_KEY_REUSED */
async function sameJob(jobs: RequestJobs, id: string, run: Run, request: RequestContext): Promise<Job | null> {
  const job = await jobs.find(id, request);
  // Whose events it takes back follows from the caller's role at the time, and is no part of the body.
  if (job && !isDeepStrictEqual({ ...(job.data as UndoJob).run, by: undefined }, { ...run, by: undefined })) {
    throw new Rejection('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key came with another body before');
  }
  return job;
}

function start(jobs: RequestJobs, run: Run, call: CommandCall, id: string | undefined): Promise<Job> {
  const { actor, tokenId, sessionId, operationId, requestId } = call;
  const data = {
    run,
    actor,
    ...(tokenId !== undefined && { tokenId }),
    ...(sessionId !== undefined && { sessionId }),
    operationId,
    requestId,
  };
  return jobs.start(undoJob, data, { createdBy: actor.id, share: shareOf(actor.id), ...(id !== undefined && { id }) });
}

function accepted(job: Job, headers: Record<string, string>): Answer {
  return { status: 202, headers: { ...headers, Location: `/async/tasks/${job.id}` }, body: jobView(job) };
}
