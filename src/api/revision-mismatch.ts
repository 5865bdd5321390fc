import { z } from 'zod';
import { RevisionMismatch } from '../commands/handle-command.ts';
import { UndoConflict } from '../commands/task/undo-task.ts';
import { publicTypes } from '../events/public-type.ts';
import type { RecordedTaskEvent } from '../events/recorded-event.ts';
import { fieldChanges } from '../events/task/changes.ts';
import { changesSeen, type ShareReader } from '../events/task/shares-seen.ts';
import { Id, Time } from '../events/values.ts';
import { Rejection } from '../rejection.ts';
import { revisionEtag } from './etag.ts';
import { RefusalWithHeaders } from './refusal-with-headers.ts';
import { FieldChangeView } from './views/field-change-view.ts';
import type { People } from './views/person-view.ts';

type FindPeople = (ids: readonly string[]) => Promise<People>;

/** An event as those are told of it whose command it stands in the way of. */
export const EventInTheWay = z.strictObject({
  revision: z.int(),
  type: z.string(),
  actor: z.strictObject({ id: Id, username: z.string().nullable() }),
  occurred_at: Time,
  changes: z.array(FieldChangeView),
});
export type EventInTheWay = z.output<typeof EventInTheWay>;

/** Carries a command out; a 412 names what happened in between, an undo refused what happened since, and who did it. */
export async function tellingMismatch<T>(work: Promise<T>, people: FindPeople): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UndoConflict) throw new Rejection(error.code, error.message, await eventsInTheWay(error, people));
    if (!(error instanceof RevisionMismatch)) throw error;
    const rejection = new Rejection(error.code, error.message, await eventsInTheWay(error, people));
    throw new RefusalWithHeaders(rejection, { ETag: revisionEtag(error.revision) });
  }
}

async function eventsInTheWay({ events, reader }: UndoConflict | RevisionMismatch, people: FindPeople): Promise<EventInTheWay[]> {
  const named = await people([...new Set(events.map(({ metadata }) => metadata.actor.id))]);
  return events.map((event) => eventInTheWay(event, named, reader));
}

export function eventInTheWay(event: RecordedTaskEvent, people: People, reader: ShareReader): EventInTheWay {
  const { actor, occurred_at } = event.metadata;
  return {
    revision: event.revision,
    type: publicTypes[event.type],
    actor: { id: actor.id, username: people.get(actor.id)?.username ?? null },
    occurred_at,
    changes: changesSeen(fieldChanges(event), reader),
  };
}
