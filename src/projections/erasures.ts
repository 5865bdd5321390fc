import { type RecordedEvent, subjectId } from '../events/recorded-event.ts';

/**
 * Whose text is gone after these events. The wish is enough: it is never taken back, and the key is destroyed with it. The done comes once
 * more behind everything that was under way just then.
 */
export function erasedPeople(events: readonly RecordedEvent[]): string[] {
  const told = events.filter(({ type }) => type === 'UserErasureRequested' || type === 'UserErased');
  return [...new Set(told.map(subjectId))];
}

/** The tasks that went with their owners' accounts in these events. */
export function erasedTasks(events: readonly RecordedEvent[]): string[] {
  return events.filter((event) => event.type === 'TaskDeleted' && event.data.reason === 'erased').map(subjectId);
}
