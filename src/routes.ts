import type pg from 'pg';
import type { Accounts } from './accounts/accounts.ts';
import type { Freshness } from './api/freshness.ts';
import type { Served } from './api/handle-request.ts';
import type { Route } from './api/route.ts';
import { activityRoutes } from './api/routes/activity.ts';
import { adminProjectionRoutes } from './api/routes/admin-projections.ts';
import { authRoutes } from './api/routes/auth.ts';
import { bulkRoutes } from './api/routes/bulk.ts';
import { documentRoutes } from './api/routes/documents.ts';
import { type OpsServices, opsRoutes } from './api/routes/ops.ts';
import { taskListingRoutes } from './api/routes/task-listing.ts';
import { taskRoutes } from './api/routes/tasks.ts';
import { userRoutes } from './api/routes/users.ts';
import { workflowRoutes } from './api/routes/workflow.ts';
import type { Tasks } from './commands/tasks.ts';
import type { EventStore } from './events/store/event-store.ts';
import type { ReadModels } from './projections/read-models.ts';
import type { Queries } from './queries/queries.ts';
import { Rejection } from './rejection.ts';

export interface RouteServices {
  store: EventStore;
  tasks: Tasks;
  accounts: Accounts;
  queries: Queries;
  readModels: ReadModels;
  freshness: Freshness;
  pool: pg.Pool;
  ops: OpsServices;
}

/** The route table: everything that is served, and from it the documents. */
export function allRoutes({ store, tasks, accounts, queries, readModels, freshness, pool, ops }: RouteServices): Route[] {
  const { directory } = accounts;
  const taskServices = {
    tasks,
    freshness,
    people: directory.people,
    isActive: async (id: string) => (await directory.findActive(id)) !== null,
  };
  const routes = [
    ...authRoutes({ accounts }),
    ...userRoutes({ directory }),
    ...workflowRoutes(),
    ...taskRoutes(taskServices),
    ...bulkRoutes(taskServices),
    ...taskListingRoutes({ queries, freshness }),
    ...activityRoutes({
      queries,
      freshness,
      requireTaskVisible: async (taskId, caller) => void (await tasks.read(taskId, caller, { deleted: true })),
    }),
    ...adminProjectionRoutes({ pool, store, readModels }),
    ...opsRoutes(ops),
  ];
  return [...routes, ...documentRoutes(routes, ops.about)];
}

/** What can be answered before the database and the event store are there: that they are not. */
export function routesWhileStarting(ops: Pick<OpsServices, 'about' | 'metrics' | 'requestMetrics'>): Served {
  const waiting = () => ({ status: 'unhealthy' as const });
  return {
    routes: opsRoutes({
      ...ops,
      checks: { eventstore: waiting, postgres: waiting, projector: waiting },
      readiness: () => ({ ready: false, reason: 'starting: waiting for the database and the event store' }),
    }),
    authenticate: () => {
      throw starting;
    },
    otherwise: starting,
  };
}

const starting = new Rejection('DEPENDENCY_UNAVAILABLE', 'The service is starting and waits for its database', [{ part: 'postgres' }]);
