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
import { createMoments } from '../../src/projections/history/moments.ts';
import { Rejection } from '../../src/rejection.ts';
import { people, root } from '../queries/given-tasks.ts';
import { openReadSide, type ReadSide } from '../queries/read-side.ts';
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

export async function startReadServer(options?: { poolMax?: number }): Promise<ReadServer> {
  const readSide = await openReadSide(options);
  await readSide.people(people);
  const waited: FreshQuery[] = [];
  const hidden = new Set<string>();
  const errors: string[] = [];
  const { queries } = readSide;
  const freshness = {
    async wait(query: FreshQuery) {
      waited.push(query);
      return { headers: { 'Tasktrail-Stale': 'true' } };
    },
  };
  const head = async () => BEGINNING;
  const timeTravel = createTimeTravel({ moments: createMoments(readSide.pool, () => 'history_v1'), store: { head }, freshness });
  const requireTaskVisible = async (taskId: string) => {
    if (hidden.has(taskId)) throw new Rejection('TASK_NOT_FOUND', 'There is no such task');
  };
  const server = createApiServer({
    routes: [...taskListingRoutes({ queries, timeTravel }), ...activityRoutes({ queries, freshness, requireTaskVisible })],
    authenticate: (authorization) => callerNamed(authorization?.replace('Bearer ', '') ?? ''),
    logger: createLog({ level: 'error', format: 'json' }, { write: (line) => void errors.push(line) }),
    requestMetrics: requestMetrics(createMetrics()),
    corsOrigins: [],
    trustProxy: false,
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
