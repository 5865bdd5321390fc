import type pg from 'pg';
import type { Accounts } from './accounts/accounts.ts';
import type { TimeTravel } from './api/as-of.ts';
import { createEventStreams } from './api/event-stream.ts';
import type { Freshness } from './api/freshness.ts';
import type { Served } from './api/handle-request.ts';
import type { Route } from './api/route.ts';
import { activityRoutes } from './api/routes/activity.ts';
import { adminProjectionRoutes } from './api/routes/admin-projections.ts';
import { adminUserRoutes } from './api/routes/admin-users.ts';
import { type AsyncServices, asyncRoutes, type RequestJobs } from './api/routes/async.ts';
import { authRoutes } from './api/routes/auth.ts';
import { bulkRoutes } from './api/routes/bulk.ts';
import { commentRoutes } from './api/routes/comments.ts';
import { deadLetterRoutes } from './api/routes/dead-letters.ts';
import { documentRoutes } from './api/routes/documents.ts';
import { type EventServices, eventRoutes } from './api/routes/events.ts';
import { type FileServices, fileRoutes } from './api/routes/files.ts';
import { flowRoutes } from './api/routes/flow.ts';
import { mailedLinkRoutes } from './api/routes/mailed-links.ts';
import { notificationRoutes } from './api/routes/notifications.ts';
import { type OpsServices, opsRoutes } from './api/routes/ops.ts';
import { ownDataRoutes } from './api/routes/own-data.ts';
import { preferenceRoutes } from './api/routes/preferences.ts';
import { replayRoutes } from './api/routes/replay.ts';
import { securityEventRoutes } from './api/routes/security-events.ts';
import { sessionRoutes } from './api/routes/sessions.ts';
import { sharingRoutes } from './api/routes/sharing.ts';
import { taskChangesRoutes } from './api/routes/task-changes.ts';
import { taskListingRoutes } from './api/routes/task-listing.ts';
import { taskRoutes } from './api/routes/tasks.ts';
import { tokenRoutes } from './api/routes/tokens.ts';
import { undoRoutes } from './api/routes/undo.ts';
import { userRoutes } from './api/routes/users.ts';
import { verificationRoutes } from './api/routes/verification.ts';
import { type WebhookServices, webhookRoutes } from './api/routes/webhooks.ts';
import { workflowRoutes } from './api/routes/workflow.ts';
import type { TaskReadsFor } from './api/task-reads.ts';
import type { Tasks } from './commands/tasks.ts';
import type { Erasure } from './erasure/erasure.ts';
import type { EventStore } from './events/store/event-store.ts';
import type { Inbox } from './notifications/inbox.ts';
import type { MailAddresses } from './notifications/mail-addresses.ts';
import type { ReadModels } from './projections/read-models.ts';
import type { QueriesFor } from './queries/queries.ts';
import { Rejection } from './rejection.ts';
import type { DeadLetters } from './subscribers/engine/dead-letters.ts';

export interface RouteServices {
  store: EventStore;
  tasks: Tasks;
  accounts: Accounts;
  erasure: Erasure;
  queriesFor: QueriesFor;
  readModels: ReadModels;
  freshness: Freshness;
  timeTravel: TimeTravel;
  files: FileServices['files'];
  pool: pg.Pool;
  jobs: RequestJobs;
  /** The reads of single tasks, for requests. */
  tasksFor: TaskReadsFor;
  external: AsyncServices['external'];
  mailAddresses: MailAddresses;
  inbox: Inbox;
  webhooks: Pick<WebhookServices, 'webhooks' | 'asked'>;
  ops: OpsServices;
  events: Pick<EventServices, 'feed' | 'watch'>;
  deadLetters: DeadLetters;
  /** Where clients reach the service, for the documents. */
  publicUrl: string | undefined;
  /** Whether the service is ending: what is streamed ends first. */
  isDraining(): boolean;
}

/** What carries out commands on tasks, in routes and in jobs. */
export function taskServicesOf({ tasks, freshness, accounts: { directory } }: Pick<RouteServices, 'tasks' | 'freshness' | 'accounts'>) {
  return {
    tasks,
    freshness,
    people: directory.people,
    isActive: async (id: string) => (await directory.findActive(id)) !== null,
  };
}

/** The route table: everything that is served, and from it the documents. */
export function allRoutes({
  store,
  tasks,
  accounts,
  erasure,
  queriesFor,
  readModels,
  freshness,
  timeTravel,
  files,
  pool,
  jobs,
  tasksFor,
  external,
  mailAddresses,
  inbox,
  webhooks,
  ops,
  events,
  deadLetters,
  publicUrl,
  isDraining,
}: RouteServices): Route[] {
  const { directory, authenticate } = accounts;
  const taskServices = taskServicesOf({ tasks, freshness, accounts });
  const streams = createEventStreams({ ...accounts, isDraining });
  const routes = [
    ...authRoutes({ accounts }),
    ...ownDataRoutes({ erasure, queriesFor, freshness }),
    ...sessionRoutes({ accounts }),
    ...tokenRoutes({ tokens: accounts.personalTokens }),
    ...userRoutes({ queriesFor }),
    ...mailedLinkRoutes({ proofs: accounts.addressProofs, addresses: mailAddresses }),
    ...preferenceRoutes({ preferences: accounts.preferences, addresses: mailAddresses }),
    ...notificationRoutes({ inbox, queriesFor, store, freshness }),
    ...workflowRoutes(),
    ...taskRoutes({ ...taskServices, queriesFor, tasksFor, timeTravel }),
    ...bulkRoutes(taskServices),
    ...sharingRoutes({ ...taskServices, directory }),
    ...commentRoutes({ ...taskServices, directory, queriesFor, tasksFor }),
    ...fileRoutes({ ...taskServices, queriesFor, files }),
    ...undoRoutes({ ...taskServices, queriesFor, jobs }),
    ...taskListingRoutes({ queriesFor, timeTravel }),
    ...flowRoutes({ queriesFor, freshness }),
    ...replayRoutes({ people: directory.people, tasksFor, streams }),
    ...eventRoutes({ ...events, store, freshness, streams, authenticate, isDraining }),
    ...webhookRoutes({ ...webhooks, queriesFor, store, jobs }),
    ...taskChangesRoutes({ queriesFor, timeTravel }),
    ...activityRoutes({
      queriesFor,
      freshness,
      requireTaskVisible: async (taskId, caller) => void (await tasks.read(taskId, caller, { deleted: true })),
    }),
    ...verificationRoutes({ tasksFor, queriesFor }),
    ...deadLetterRoutes({ queriesFor, deadLetters }),
    ...adminProjectionRoutes({ pool, store, readModels }),
    ...adminUserRoutes({ administration: accounts.administration, erasure, queriesFor }),
    ...securityEventRoutes({ security: accounts.security, queriesFor }),
    ...asyncRoutes({ jobs, external, tasksFor, people: directory.people }),
    ...opsRoutes(ops),
  ];
  return [...routes, ...documentRoutes(routes, { version: ops.about.version, publicUrl })];
}

/** What can be answered before the database and the event store are there: that they are not. */
export function routesWhileStarting(ops: OpsServices): Served {
  return {
    routes: opsRoutes(ops),
    authenticate: () => {
      throw starting;
    },
    otherwise: starting,
  };
}

const starting = new Rejection('DEPENDENCY_UNAVAILABLE', 'The service is starting and waits for its database', [{ part: 'postgres' }]);
