import { type RecordedEvent, subjectId } from '../events/recorded-event.ts';

/** An event as a row sees it. */
export type Told<E> = E & {
  /** The id of the task or user that the stream is about. */
  subject: string;
  /** When it happened. */
  at: string;
  /** Whose doing it was. */
  by: string;
};

type Types = RecordedEvent['type'];
type OfType<T extends Types> = Extract<RecordedEvent, { type: T }>;

/** What each type of event makes of a row. Every type is handled or ignored by name: with one forgotten it does not compile. */
type RowFold<Row extends { revision: number }, Handled extends Types, Ignored extends Types> = {
  on: { [T in Handled]: (row: Row, event: Told<OfType<T>>) => Omit<Row, 'revision'> };
  ignores: readonly Ignored[];
} & ([Exclude<Types, Handled | Ignored>] extends [never] ? unknown : { forgotten: Exclude<Types, Handled | Ignored> });

export type Fold<Row> = (row: Row | undefined, event: RecordedEvent) => Row | undefined;

/** An event does not follow the one that the row has seen last: one in between is missing, unless `follows` explains the gap. */
export class RevisionGap extends Error {
  override name = 'RevisionGap';
  readonly event: RecordedEvent;
  readonly seen: number;
  constructor(event: RecordedEvent, seen: number) {
    super(`${event.stream} goes from revision ${seen} to ${event.revision}`);
    this.event = event;
    this.seen = seen;
  }
}

/**
 * A fold of rows, one for each stream, that knows which of a stream's events it has seen by the row's revision.
 * @throws RevisionGap when an event in between is missing: the row would be wrong for ever
 */
export function rowFold<Row extends { revision: number }>() {
  return <Handled extends Types, Ignored extends Types>(fold: RowFold<Row, Handled, Ignored>): Fold<Row> => {
    const ignored = new Set<string>(fold.ignores);
    const on = fold.on as Record<string, (row: Row | undefined, event: unknown) => Omit<Row, 'revision'>>;
    return (row, event) => {
      if (ignored.has(event.type)) return row;
      const seen = row?.revision ?? -1;
      if (event.revision <= seen) return row;
      if (event.revision !== seen + 1 && event.follows !== seen) throw new RevisionGap(event, seen);
      // The beginning of the stream was taken away in the store: there is nothing to change.
      if (row === undefined && event.follows !== undefined && event.type !== 'TaskCreated') return undefined;
      const told = { ...event, subject: subjectId(event), at: event.metadata.occurred_at, by: event.metadata.actor.id };
      return { ...on[event.type]!(row, told), revision: event.revision } as Row;
    };
  };
}
