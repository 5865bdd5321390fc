import type { Caller } from '../../src/accounts/caller.ts';
import { createTimeTravel } from '../../src/api/as-of.ts';
import type { FreshQuery } from '../../src/api/freshness.ts';
import { requestMetrics } from '../../src/api/request-metrics.ts';
import { activityRoutes } from '../../src/api/routes/activity.ts';
import { taskListingRoutes } from '../../src/api/routes/task-listing.ts';
import { createApiServer } from '../../src/api/server.ts';
import { BEGINNING } from '../../src/events/store/event-store.ts';
import { createLog } from '../../src/platform/logging.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { createExports } from '../../src/platform/postgres/exports.ts';
import { createFairReads, type Requester } from '../../src/platform/postgres/fair-reads.ts';
import { createMoments } from '../../src/projections/history/moments.ts';
import { createRequestQueries } from '../../src/queries/queries.ts';
import { Rejection } from '../../src/rejection.ts';
import { people, root } from '../queries/given-tasks.ts';
import { openReadSide, type ReadSide, schemas } from '../queries/read-side.ts';
import { type Client, createClient } from '../support/service.ts';

/** The routes of lists, counts and activity over hand-made read models, served over HTTP. */
export interface ReadServer extends ReadSide {
  url: string;
  /** Somebody of `people`, in a time zone. Their token is their name. */
  as(username: string, timezone?: string): Client;
  /** What was waited for before a query. */
  waited: FreshQuery[];
  /** Tasks that nobody may see the timeline of. */
  hidden: Set<string>;
  /** What was logged as an error. */
  errors: string[];
}

export interface ReadServerOptions {
  poolMax?: number;
  /** Milliseconds that an export waits for a place. */
  exportWaitMs?: number;
  /** Milliseconds after which a client that reads nothing is disconnected. */
  stallTimeoutMs?: number;
}

export async function startReadServer({ exportWaitMs = 300, stallTimeoutMs, ...options }: ReadServerOptions = {}): Promise<ReadServer> {
  const readSide = await openReadSide(options);
  await readSide.people(people);
  const waited: FreshQuery[] = [];
  const hidden = new Set<string>();
  const errors: string[] = [];
  const freshness = {
    async wait(query: FreshQuery) {
      waited.push(query);
      return { headers: { 'Tasktrail-Stale': 'true' } };
    },
  };
  const head = async () => BEGINNING;
  const reads = createFairReads(readSide.pool, readSide.pool);
  const momentsFor = (requester: Requester) => createMoments((statement) => reads.query(requester, statement), schemas.history);
  const timeTravel = createTimeTravel({ momentsFor, store: { head, end: head }, freshness });
  const queriesFor = createRequestQueries({ reads, exports: createExports(readSide.pool, readSide.pool, exportWaitMs), schemas });
  const requireTaskVisible = async (taskId: string) => {
    if (hidden.has(taskId)) throw new Rejection('TASK_NOT_FOUND', 'There is no such task');
  };
  const server = createApiServer({
    routes: [...taskListingRoutes({ queriesFor, timeTravel }), ...activityRoutes({ queriesFor, freshness, requireTaskVisible })],
    authenticate: (authorization) => callerNamed(authorization?.replace('Bearer ', '') ?? ''),
    logger: createLog({ level: 'error', format: 'json' }, { write: (line) => void errors.push(line) }),
    requestMetrics: requestMetrics(createMetrics()),
    corsOrigins: [],
    trustProxy: false,
    ...(stallTimeoutMs !== undefined && { timeouts: { stall: stallTimeoutMs } }),
  });
  const { port } = await server.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${port}`;
  return {
    ...readSide,
    url,
    waited,
    hidden,
    errors,
    as: (username, timezone = 'UTC') => createClient(url, `${username}@${timezone}`),
    async close() {
      await server.drain(2_000);
      await readSide.close();
    },
  };
}

function callerNamed(token: string): Caller {
  const [name, timezone = 'UTC'] = token.split('@');
  const person = people.find(({ username }) => username === name);
  if (!person) throw new Rejection('NOT_AUTHENTICATED', 'Who are you?');
  const { id, username, full_name: fullName } = person;
  return { id, username, fullName, isAdmin: id === root, timezone, sessionId: id };
}
