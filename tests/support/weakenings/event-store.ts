import type { Weakening } from '../weakenings.ts';

/** What keeps the service from others who use the same event store, and from a log that is not its own. */
export const eventStores: readonly Weakening[] = [
  {
    name: 'options of EVENTSTORE_URL are checked',
    file: 'config-values.ts',
    from: 'for (const message of eventStoreOptionMistakes(value))',
    to: 'for (const message of WITHOUT ? [] : eventStoreOptionMistakes(value))',
  },
  {
    name: 'the console of libraries is masked',
    file: 'main.ts',
    from: 'logConsole(log, secretsOf(environment));',
    to: 'if (!WITHOUT) logConsole(log, secretsOf(environment));',
  },
  {
    name: 'the log is checked after an outage',
    file: 'events/store/eventstoredb/connection.ts',
    from: 'return (await this.#options.mayGoOn?.(reading)) ?? true;',
    to: 'return WITHOUT || ((await this.#options.mayGoOn?.(reading)) ?? true);',
  },
  {
    name: 'a log that is not the right one is not used',
    file: 'events/store/log-guard.ts',
    from: 'if (isSuspect || problem !== null) await pass();',
    to: 'if (!WITHOUT && (isSuspect || problem !== null)) await pass();',
  },
  {
    name: 'foreign events are recognised by more than the prefix of their stream',
    file: 'events/own-events.ts',
    from: 'if (type.startsWith',
    to: 'if (WITHOUT) return true;\n  if (type.startsWith',
  },
  {
    name: 'tombstones are skipped',
    file: 'events/own-events.ts',
    from: 'export function isOwnEvent({ stream, id, type, metadata }: CandidateEvent): boolean {',
    to: `export function isOwnEvent({ stream, id, type, metadata }: CandidateEvent): boolean {
  if (WITHOUT && type === '$streamDeleted') return true;`,
  },
  {
    name: 'a log of another installation is refused',
    file: 'events/store/known-logs.ts',
    from: 'if (await known.isKnown(id)) return;',
    to: 'if (WITHOUT || (await known.isKnown(id))) return;',
  },
  {
    name: 'storage of another installation is refused',
    file: 'storage-marks.ts',
    from: 'if (owner === undefined || ',
    to: 'if (WITHOUT || owner === undefined || ',
  },
];
