import { RevisionMismatch } from '../commands/handle-command.ts';
import { publicTypes } from '../events/public-type.ts';
import { fieldChanges } from '../events/task/changes.ts';
import { Rejection } from '../rejection.ts';
import { revisionEtag } from './etag.ts';
import { RefusalWithHeaders } from './refusal-with-headers.ts';
import type { People } from './views/task-view.ts';

/** Carries a command out; a 412 names what happened in between, and who did it. */
export async function tellingMismatch<T>(work: Promise<T>, people: (ids: readonly string[]) => Promise<People>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof RevisionMismatch)) throw error;
    const named = await people([...new Set(error.events.map(({ metadata }) => metadata.actor.id))]);
    const details = error.events.map((event) => ({
      revision: event.revision,
      type: publicTypes[event.type],
      actor: { id: event.metadata.actor.id, username: named.get(event.metadata.actor.id)?.username ?? null },
      occurred_at: event.metadata.occurred_at,
      changes: fieldChanges(event),
    }));
    throw new RefusalWithHeaders(new Rejection(error.code, error.message, details), { ETag: revisionEtag(error.revision) });
  }
}
