/**
 * Read models hold what the event log does not: the log was restored from an older backup than they were, or is another one. They would
 * silently miss what is written to it from here on. The message names them and the command that makes them anew.
 */
export class ReadModelsAhead extends Error {
  override name = 'ReadModelsAhead';
  constructor(found: ReadonlyMap<string, string>) {
    const each = [...found].map(([name, reason]) => `${name} ${reason}`).join('; ');
    super(
      `The read models are not of this event log as it stands: ${each}. If the log is the right one (look at EVENTSTORE_URL and ` +
        `DATABASE_URL), stop every instance and make them anew: npm run rebuild -- ${[...found.keys()].join(' ')}`,
    );
  }
}
