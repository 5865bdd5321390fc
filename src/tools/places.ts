import { UsageError } from './command-line.ts';

/** Where an event log is: in EventStoreDB at an address, or in the PostgreSQL of the installation. */
export interface Place {
  /** For people; no address, for that may hold a password. */
  name: string;
  eventStoreUrl: string | undefined;
  /** Of PostgreSQL, when it was given by address. */
  databaseUrl: string | undefined;
}

/** @throws UsageError */
export function placesOf(given: { from?: string | undefined; to?: string | undefined }): { from: Place; to: Place } {
  if (given.from === undefined || given.to === undefined) throw new UsageError('--from and --to are both wanted');
  const [from, to] = [placeOf(given.from), placeOf(given.to)];
  if (from.eventStoreUrl === to.eventStoreUrl)
    throw new UsageError(
      'the log is to move from one store to another; a PostgreSQL is moved as a whole, with accounts and read models, by pg_dump',
    );
  return { from, to };
}

function placeOf(text: string): Place {
  if (text === 'postgres') return { name: 'PostgreSQL', eventStoreUrl: undefined, databaseUrl: undefined };
  if (/^postgres(ql)?:\/\//.test(text)) return { name: 'PostgreSQL', eventStoreUrl: undefined, databaseUrl: text };
  if (/^(esdb|kurrentdb)(\+discover)?:\/\//.test(text)) return { name: 'EventStoreDB', eventStoreUrl: text, databaseUrl: undefined };
  throw new UsageError(`${JSON.stringify(text.replace(/\/\/.*@/, '//…@'))} is no store: postgres, postgres://… or esdb://… is wanted`);
}
