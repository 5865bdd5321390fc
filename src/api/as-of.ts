import { z } from 'zod';
import { type EventStore, formatPosition, type Position, parsePosition } from '../events/store/event-store.ts';
import type { Requester } from '../platform/postgres/fair-reads.ts';
import type { Moments } from '../projections/history/moments.ts';
import { Rejection } from '../rejection.ts';
import { type DateOrTime, isDate, lastMoment, timezoneParameter, today } from './days.ts';
import { requestedPosition } from './forms.ts';
import type { Freshness, FreshQuery } from './freshness.ts';
import { notAfter } from './query-parameters.ts';
import { requireWritten } from './written-position.ts';

/** The parameters by which something is asked for as it was. Put into a route's query schema together with `asOfRule`. */
export const asOfParameters = {
  as_of: notAfter('As it was then, for whom may see it now: not in the future, and today is now.'),
  as_of_position: z
    .string()
    .transform((text, context) => {
      const position = parsePosition(text);
      if (position !== undefined) return position;
      context.addIssue({ code: 'custom', message: 'must be a position: decimal digits', params: { code: 'format' } });
      return z.NEVER;
    })
    .optional()
    .meta({ ...requestedPosition, description: 'The same by a position, as `Tasktrail-As-Of-Position` tells it: the answer never moves.' }),
  timezone: timezoneParameter,
};
export const asOfRule = ['as_of', 'as_of_position'] as const;

export interface AsOfQuery {
  /** Dates are days of the caller's. */
  as_of?: DateOrTime | undefined;
  as_of_position?: Position | undefined;
}

/** A moment of the past, as a position of the log. */
export interface Past {
  position: Position;
  /** Its effective time, RFC 3339; null before the first event. */
  at: string | null;
}

/** Resolves what moment a query asks for, and waits until the read models know all of it. */
export interface TimeTravel {
  /** @returns undefined when the query asks for no moment @throws Rejection VALIDATION_FAILED for the future */
  resolve(query: AsOfQuery, fresh: FreshQuery): Promise<{ past: Past | undefined; headers: Record<string, string> }>;
}

interface Parts {
  momentsFor(requester: Requester): Moments;
  store: Pick<EventStore, 'head' | 'end'>;
  freshness: Pick<Freshness, 'wait'>;
  clock?: () => Date;
}

/** The clocks of a client and the server may differ by this much. */
const CLOCK_TOLERANCE_MS = 5_000;

export function createTimeTravel({ momentsFor, store, freshness, clock = () => new Date() }: Parts): TimeTravel {
  const waitFor = (fresh: FreshQuery, asOf: Position) => freshness.wait({ ...fresh, models: [...fresh.models, 'history'], asOf });

  /** A time a moment ahead and the current day mean now. @throws Rejection for a later one */
  const timeMeant = (asked: DateOrTime, timezone: string): string => {
    const now = clock();
    const latest = isDate(asked) ? today(timezone, now) : new Date(now.getTime() + CLOCK_TOLERANCE_MS).toISOString();
    if (asked > latest) throw inTheFuture('as_of');
    const time = lastMoment(asked, timezone);
    return time > now.toISOString() ? now.toISOString() : time;
  };

  const byTime = async (asked: DateOrTime, fresh: FreshQuery) => {
    const time = timeMeant(asked, fresh.caller.timezone);
    const moments = momentsFor(fresh.request);
    const known = await moments.positionAt(time);
    if (known !== undefined) return { position: known, ...(await waitFor(fresh, known)) };
    const head = await store.head();
    const { headers } = await waitFor(fresh, head);
    // What the read model does not know yet cannot be settled; it may already know an event of after that time.
    const isThere = headers['Tasktrail-Stale'] === undefined;
    const position = (await moments.positionAt(time)) ?? (isThere ? await moments.settle(time, head) : head);
    // An instance that was ahead of this one may have settled it.
    return position > head ? { position, ...(await waitFor(fresh, position)) } : { position, headers };
  };

  const byPosition = async (position: Position, fresh: FreshQuery) => {
    await requireWritten(store, position, 'query.as_of_position', fresh.request.signal);
    const head = await store.head();
    // A position behind the events of another application is one of the log: what is up to there is up to the head.
    return { position, ...(await waitFor(fresh, position > head ? head : position)) };
  };

  return {
    async resolve({ as_of: time, as_of_position: asked }, fresh) {
      if (time === undefined && asked === undefined) return { past: undefined, ...(await freshness.wait(fresh)) };
      const { position, headers } = await (asked === undefined ? byTime(time!, fresh) : byPosition(asked, fresh));
      const past = { position, at: await momentsFor(fresh.request).timeAt(position) };
      return { past, headers: { ...headers, 'Tasktrail-As-Of-Position': formatPosition(position) } };
    },
  };
}

function inTheFuture(parameter: string): Rejection {
  const message = 'must not be in the future';
  return new Rejection('VALIDATION_FAILED', message, [{ path: `query.${parameter}`, message, code: 'too_big' }]);
}
