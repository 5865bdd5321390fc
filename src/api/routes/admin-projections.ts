import type pg from 'pg';
import { z } from 'zod';
import { type EventStore, formatPosition } from '../../events/store/event-store.ts';
import { beginRebuild, RebuildRunning, TooManyFormer } from '../../projections/generation.ts';
import { createOverview, type ProjectionOverview } from '../../projections/overview.ts';
import type { ReadModel, ReadModels } from '../../projections/read-models.ts';
import { Rejection } from '../../rejection.ts';
import { PositionText } from '../forms.ts';
import { type Route, route } from '../route.ts';
import { PageQuery, pageOf, pageRequest } from '../views/listing-view.ts';
import { wholeListAnswer } from '../views/whole-list.ts';

export interface AdminProjectionServices {
  pool: pg.Pool;
  store: EventStore;
  readModels: ReadModels;
}

const ProjectionView = z
  .strictObject({
    name: z.string(),
    version: z.int(),
    position: PositionText,
    lag_events: z.int().nullable().meta({ description: 'Counted up to 1000; null while the event store cannot be asked.' }),
    lag_seconds: z.number().nullable(),
    rate: z.number().meta({ description: 'Events a second that this instance has applied of late.' }),
    state: z.enum(['live', 'catching_up', 'rebuilding', 'stopped']),
    error: z.string().nullable(),
    rebuild: z
      .strictObject({
        progress: z.number().nullable(),
        eta_seconds: z.int().nullable(),
        paused: z.boolean(),
        error: z
          .string()
          .nullable()
          .meta({ description: 'Why the rebuild does not go on; apart from the error of what is read meanwhile.' }),
      })
      .nullable(),
  })
  .meta({ id: 'Projection' });

const NamePath = z.strictObject({ name: z.string() });
const admin = { tag: 'Admin', needs: { scope: 'admin', admin: true } } as const;

/** The read models, as those who run the service see and renew them. */
export function adminProjectionRoutes({ pool, store, readModels }: AdminProjectionServices): Route[] {
  const overview = createOverview(store);
  const named = (name: string): ReadModel => {
    const model = readModels.models.find(({ projection }) => projection.name === name);
    if (!model) throw new Rejection('PROJECTION_NOT_FOUND', 'There is no such projection');
    return model;
  };
  return [
    route({
      ...admin,
      method: 'get',
      path: '/admin/projections',
      summary: 'List the read models',
      query: PageQuery,
      answers: { 200: pageOf(ProjectionView) },
      rejects: ['ADMIN_ONLY', 'INVALID_CURSOR'],
      async handle({ query, request }) {
        const items = (await Promise.all(readModels.models.map(overview))).map(projectionView);
        return wholeListAnswer(items, pageRequest(query), request);
      },
    }),
    route({
      ...admin,
      method: 'get',
      path: '/admin/projections/:name',
      summary: 'Look at a read model',
      params: NamePath,
      answers: { 200: ProjectionView },
      rejects: ['ADMIN_ONLY', 'PROJECTION_NOT_FOUND'],
      handle: async ({ params }) => ({ status: 200, body: projectionView(await overview(named(params.name))) }),
    }),
    route({
      ...admin,
      method: 'post',
      path: '/admin/projections/:name/rebuild',
      summary: 'Make a read model anew from the events',
      description: 'It is made beside the one that is read, which is kept for a minute after the new one has taken its place.',
      params: NamePath,
      gives: ['Location'],
      answers: { 202: ProjectionView },
      rejects: ['ADMIN_ONLY', 'PROJECTION_NOT_FOUND', 'REBUILD_RUNNING', 'LIMIT_REACHED'],
      async handle({ params }) {
        const model = named(params.name);
        await beginRebuild(pool, model.projection, store.logId).catch(asRejection);
        await readModels.refresh();
        return {
          status: 202,
          headers: { Location: `/api/v1/admin/projections/${params.name}` },
          body: projectionView(await overview(model)),
        };
      },
    }),
  ];
}

function asRejection(error: unknown): never {
  if (error instanceof RebuildRunning) throw new Rejection('REBUILD_RUNNING', error.message);
  if (error instanceof TooManyFormer) throw new Rejection('LIMIT_REACHED', error.message, [{ limit: error.limit }]);
  throw error;
}

function projectionView({ lag, rebuild, position, ...others }: ProjectionOverview): z.output<typeof ProjectionView> {
  return {
    ...others,
    position: formatPosition(position),
    lag_events: lag?.events ?? null,
    lag_seconds: lag?.seconds ?? null,
    rebuild: rebuild && { progress: rebuild.progress, eta_seconds: rebuild.etaSeconds, paused: rebuild.paused, error: rebuild.error },
  };
}
